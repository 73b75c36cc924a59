package io.sluice.modelstore.grammar;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Optional;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/// Whatever a model writes under a schema's mask, a validator of others' finds valid.
class RandomSchemaTest {
    private static final int SCHEMAS = Integer.getInteger("sluice.grammar.schemas", 400);
    private static final int OUTPUTS = 4;

    @Test
    void outputsUnderRandomSchemasAreValid() {
        int complete = 0;
        int refused = 0;
        for (int seed = 0; seed < SCHEMAS; seed++) {
            SplittableRandom random = new SplittableRandom(seed);
            String schema = new RandomSchemas(random.split()).schema();
            CompiledGrammar grammar;
            try {
                grammar = new Structure.JsonSchema(schema).compile(Vocabularies.SMALL);
            } catch (GrammarException e) {
                refused++; // contradictions come up by chance
                continue;
            }
            Adversary adversary = new Adversary(grammar, random.split());
            for (int i = 0; i < OUTPUTS; i++) {
                Optional<String> output = write(adversary, seed, schema);
                if (output.isEmpty()) continue;
                complete++;
                Validators.check(schema, output.get(), "seed " + seed);
            }
        }
        assertThat(refused).as("schemas that were refused").isLessThan(SCHEMAS / 5);
        assertThat(complete).as("outputs that came to an end").isGreaterThan((SCHEMAS - refused) * OUTPUTS * 9 / 10);
    }

    private static Optional<String> write(Adversary adversary, int seed, String schema) {
        try {
            return adversary.write();
        } catch (AssertionError e) {
            throw new AssertionError("seed " + seed + ", schema " + schema, e);
        }
    }
}
