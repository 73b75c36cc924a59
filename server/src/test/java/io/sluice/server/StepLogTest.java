package io.sluice.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sluice.batching.ModelLimits;
import io.sluice.batching.ModelRunner;
import io.sluice.batching.SamplingParams;
import io.sluice.batching.StepPlan;
import io.sluice.server.settings.SettingsException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StepLogTest {
    private static final ModelLimits LIMITS = new ModelLimits(64, 16, 256, 64, 4, ScriptedRunner.VOCAB_SIZE, 0);

    @TempDir
    @SuppressWarnings("NullAway.Init") // JUnit sets it
    Path folder;

    @Test
    void eachStepIsALineOfWhatItComputed() throws IOException {
        Path file = folder.resolve("steps.csv");
        ModelRunner.Factory real = () -> new ScriptedRunner(LIMITS, new ScriptedRunner.Gate());
        int[] tokens = new int[32];
        try (ModelRunner runner = StepLog.around(real, file, "some-model").create()) {
            var plan = new StepPlan(LIMITS);
            plan.add(tokens, 0, 20, new int[] {0, 1}, 2); // a prompt's first part
            runner.launch(plan).await();
            plan.clear();
            plan.add(tokens, 20, 10, new int[] {0, 1}, 2); // the rest of it
            plan.sample(SamplingParams.GREEDY, tokens, 30, new int[0]);
            plan.add(tokens, 10, 1, new int[] {2}, 1); // another, which writes
            plan.sample(SamplingParams.GREEDY, tokens, 8, new int[0]);
            runner.launch(plan).await();
        }
        List<String> lines = Files.readAllLines(file);
        assertThat(lines.subList(0, 2))
                .containsExactly("# sluice step log 1, model some-model", "# limits 64 16 256 64 4 258 0");
        assertThat(lines).hasSize(5);
        assertThat(lines.get(3)).matches("[0-9]+,[0-9]+,[0-9]+,0,1,20,0,0,20,210,0");
        assertThat(lines.get(4)).matches("[0-9]+,[0-9]+,[0-9]+,1,1,10,2,11,30,255,0");
    }

    @Test
    void aFileThatCannotBeWrittenIsSaidBeforeTheModelLoads() {
        Path nowhere = folder.resolve("no/such/folder/steps.csv");
        assertThatThrownBy(() -> StepLog.around(
                        () -> {
                            throw new AssertionError("the runner was made");
                        },
                        nowhere,
                        "m"))
                .isInstanceOf(SettingsException.class)
                .hasMessageContaining("step-log is " + nowhere);
    }
}
