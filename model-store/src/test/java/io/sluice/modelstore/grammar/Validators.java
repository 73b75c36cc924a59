package io.sluice.modelstore.grammar;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.networknt.schema.JsonSchema;
import com.networknt.schema.JsonSchemaFactory;
import com.networknt.schema.SchemaValidatorsConfig;
import com.networknt.schema.SpecVersion;
import com.networknt.schema.ValidationMessage;
import java.util.Set;

/// What others say of a document under a schema.
final class Validators {
    private static final JsonSchemaFactory FACTORY = JsonSchemaFactory.getInstance(SpecVersion.VersionFlag.V202012);
    private static final SchemaValidatorsConfig CONFIG =
            SchemaValidatorsConfig.builder().formatAssertionsEnabled(true).build();
    private static final JsonMapper MAPPER = JsonMapper.builder()
            .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    private Validators() {}

    static boolean isValid(String schema, String document) {
        return messages(schema, document).isEmpty();
    }

    static void check(String schema, String document, String where) {
        Set<ValidationMessage> messages = messages(schema, document);
        if (!messages.isEmpty()) throw new AssertionError(where + ": " + messages + "\n" + schema + "\n" + document);
    }

    private static Set<ValidationMessage> messages(String schema, String document) {
        JsonSchema compiled = FACTORY.getSchema(parse(schema), CONFIG);
        return compiled.validate(parse(document));
    }

    static JsonNode parse(String json) {
        try {
            return MAPPER.readTree(json);
        } catch (JacksonException e) {
            throw new AssertionError("no JSON: " + json, e);
        }
    }
}
