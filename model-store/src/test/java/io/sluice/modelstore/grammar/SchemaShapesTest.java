package io.sluice.modelstore.grammar;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.SplittableRandom;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/// Schemas as people and tools write them: what they allow and forbid, and that random outputs are valid.
class SchemaShapesTest {

    record Shape(String name, String schema, List<String> allowed, List<String> forbidden) {
        @Override
        public String toString() {
            return name;
        }
    }

    static List<Shape> shapes() throws IOException {
        try (InputStream in = SchemaShapesTest.class.getResourceAsStream("/grammar/shapes.json")) {
            String json = new String(Objects.requireNonNull(in).readAllBytes(), StandardCharsets.UTF_8);
            List<Shape> shapes = new ArrayList<>();
            for (JsonNode shape : Validators.parse(json)) {
                shapes.add(new Shape(
                        shape.get("name").textValue(),
                        shape.get("schema").toString(),
                        texts(shape.get("allowed")),
                        texts(shape.get("forbidden"))));
            }
            return shapes;
        }
    }

    private static List<String> texts(JsonNode list) {
        List<String> texts = new ArrayList<>();
        list.forEach(text -> texts.add(text.textValue()));
        return texts;
    }

    @ParameterizedTest
    @MethodSource("shapes")
    void documentsAreAllowedAndForbidden(Shape shape) {
        CompiledGrammar grammar = new Structure.JsonSchema(shape.schema).compile(Vocabularies.SMALL);
        for (String document : shape.allowed) {
            assertThat(accepts(grammar, document)).as(document).isTrue();
            Validators.check(shape.schema, document, shape.name);
        }
        for (String document : shape.forbidden)
            assertThat(accepts(grammar, document)).as(document).isFalse();
    }

    @ParameterizedTest
    @MethodSource("shapes")
    void whateverIsWrittenIsValid(Shape shape) {
        CompiledGrammar grammar = new Structure.JsonSchema(shape.schema).compile(Vocabularies.SMALL);
        Adversary adversary = new Adversary(grammar, new SplittableRandom(shape.name.hashCode()));
        int complete = 0;
        for (int i = 0; i < 10; i++) {
            var output = adversary.write();
            if (output.isEmpty()) continue;
            complete++;
            Validators.check(shape.schema, output.get(), shape.name);
        }
        assertThat(complete).isPositive();
    }

    private static boolean accepts(CompiledGrammar grammar, String document) {
        GrammarState state = grammar.begin();
        return state.read(document.getBytes(StandardCharsets.UTF_8)) && state.isComplete();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "`{\"not\":{\"type\":\"string\"}}` | \"not\" is not supported",
                "`{\"if\":{},\"then\":{}}` | \"if\" is not supported",
                "`{\"type\":\"array\",\"contains\":{\"type\":\"string\"}}` | \"contains\" is not supported",
                "`{\"type\":\"array\",\"uniqueItems\":true}` | \"uniqueItems\" is not supported",
                "`{\"type\":\"object\",\"unevaluatedProperties\":false}` | \"unevaluatedProperties\" is not supported",
                "`{\"type\":\"object\",\"dependentRequired\":{}}` | \"dependentRequired\" is not supported",
                "`{\"requierd\":[\"a\"]}` | \"requierd\" is not supported",
                "`{\"type\":\"string\",\"format\":\"iri\"}` | \"iri\" is not supported; known are date",
                "`{\"type\":\"strin\"}` | unknown type \"strin\"",
                "`{\"$ref\":\"https://example.org/s\"}` | only references within the schema",
                "`{\"$ref\":\"#/$defs/x\"}` | leads nowhere",
                "`{\"$ref\":\"#\"}` | refers to itself",
                "`{\"oneOf\":[{\"type\":\"integer\"},{\"type\":\"number\"}]}` | may overlap",
                "`{\"type\":\"number\",\"multipleOf\":0.3}` | multipleOf 0.3 is not supported",
                "`{\"type\":\"string\",\"pattern\":\"(?=a)\"}` | look-ahead",
                "`{\"type\":\"integer\",\"minimum\":5,\"maximum\":4}` | no text can fulfil",
                "`{\"allOf\":[{\"type\":\"string\"},{\"type\":\"null\"}]}` | no text can fulfil",
                "`false` | no text can fulfil",
                "`{\"enum\":[]}` | at least one",
                "`{\"type\":\"string\",\"minLength\":-1}` | at least 0",
                "`{\"type\":\"array\",\"items\":[{}]}` | prefixItems",
                "`{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"minItems\":2000000}` | too large",
                "`{\"type\":\"string\",\"pattern\":\"^(a|b)*a(a|b){30}$\"}` | too large",
                "`{\"type\":\"object\",\"properties\":{\"a\":{}},\"additionalProperties\":true,\"minProperties\":3}`"
                        + " | minProperties is not supported",
                "`[1]` | must be an object",
                "`{` | not valid JSON"
            })
    void whatCannotBeHadIsRefusedByName(String schema, String message) {
        assertThatThrownBy(() -> new Structure.JsonSchema(schema).compile(Vocabularies.SMALL))
                .isInstanceOf(GrammarException.class)
                .hasMessageContaining(message);
    }
}
