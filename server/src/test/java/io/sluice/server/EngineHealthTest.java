package io.sluice.server;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.batching.Admission;
import io.sluice.batching.Caller;
import io.sluice.batching.Deadlines;
import io.sluice.batching.Engine;
import io.sluice.batching.EngineOnClock;
import io.sluice.batching.EngineSettings;
import io.sluice.batching.GenerationRequest;
import io.sluice.batching.ModelLimits;
import io.sluice.batching.PrefixScope;
import io.sluice.batching.SamplingParams;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/// When a step counts as hanging, on a clock that the test sets.
@Timeout(240)
class EngineHealthTest {
    private static final ModelLimits LIMITS = new ModelLimits(64, 16, 1024, 512, 8, ScriptedRunner.VOCAB_SIZE, 0);

    private final AtomicLong nowNs = new AtomicLong(1);
    private final ScriptedRunner.Gate gate = new ScriptedRunner.Gate();

    @AutoClose
    private final Engine engine =
            EngineOnClock.start(new EngineSettings(8, true, 512), () -> new ScriptedRunner(LIMITS, gate), nowNs::get);

    @Test
    void without_experience_a_step_may_take_five_seconds() throws Exception {
        EngineHealth health = new EngineHealth(engine, Optional.empty());
        hang();
        pass(Duration.ofSeconds(5));
        assertThat(health.isStuck()).isFalse();
        pass(Duration.ofMillis(1));
        assertThat(health.isStuck()).isTrue();
        assertThat(health.isAlive()).isTrue();
        gate.open();
        TestServer.await("the step to return", () -> !health.isStuck());
    }

    @Test
    void nobody_waits_for_an_engine_that_has_nothing_to_do() {
        EngineHealth health = new EngineHealth(engine, Optional.empty());
        pass(Duration.ofDays(1));
        assertThat(health.isStuck()).isFalse();
    }

    @Test
    void where_steps_are_long_they_may_be_ten_times_as_long_as_usual() throws Exception {
        EngineHealth health = new EngineHealth(engine, Optional.empty());
        hang();
        for (int step = 0; step < 3; step++) step(Duration.ofSeconds(2));
        TestServer.await("the usual step to be known", () -> health.stepMax().equals(Duration.ofSeconds(20)));
        pass(Duration.ofSeconds(20));
        assertThat(health.isStuck()).isFalse();
        pass(Duration.ofMillis(1));
        assertThat(health.isStuck()).isTrue();
        gate.open();
    }

    @Test
    void an_operators_word_counts_instead() throws Exception {
        EngineHealth health = new EngineHealth(engine, Optional.of(Duration.ofMillis(100)));
        hang();
        pass(Duration.ofMillis(101));
        assertThat(health.isStuck()).isTrue();
        gate.open();
    }

    /// A step is under way and does not return.
    private void hang() throws InterruptedException {
        gate.close();
        GenerationRequest request = new GenerationRequest(
                "hanging",
                new int[] {'a', 'b', 'c'},
                900,
                1,
                SamplingParams.GREEDY,
                new int[0],
                Caller.ANONYMOUS,
                PrefixScope.of(0),
                Deadlines.NONE);
        assertThat(engine.submit(request)).isInstanceOf(Admission.Admitted.class);
        TestServer.await("the step to begin", () -> engine.stepStartedNs() != 0);
    }

    /// Lets the step under way return after so long, and waits for the next.
    private void step(Duration time) throws InterruptedException {
        pass(time);
        long endNs = nowNs.get();
        gate.allow(1);
        TestServer.await("the next step", () -> engine.stepStartedNs() == endNs);
    }

    private void pass(Duration time) {
        nowNs.addAndGet(time.toNanos());
    }
}
