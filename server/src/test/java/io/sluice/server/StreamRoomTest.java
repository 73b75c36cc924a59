package io.sluice.server;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.batching.Caller;
import io.sluice.batching.Deadlines;
import io.sluice.batching.Engine;
import io.sluice.batching.EngineOnClock;
import io.sluice.batching.EngineSettings;
import io.sluice.batching.GenerationRequest;
import io.sluice.batching.ModelLimits;
import io.sluice.batching.PrefixScope;
import io.sluice.batching.SamplingParams;
import io.sluice.server.generation.EndMeter;
import io.sluice.server.generation.Generation;
import io.sluice.server.generation.Submitted;
import io.sluice.server.openai.OnePlace;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/// Looking for room among the streams waits for none of them.
@Timeout(120)
class StreamRoomTest {
    private static final ModelLimits LIMITS = new ModelLimits(64, 16, 1024, 512, 8, ScriptedRunner.VOCAB_SIZE, 0);

    @AutoClose
    private final Engine engine = EngineOnClock.start(
            new EngineSettings(8, true, 512),
            () -> new ScriptedRunner(LIMITS, new ScriptedRunner.Gate()),
            System::nanoTime);

    private final CountDownLatch closing = new CountDownLatch(1);
    private final CountDownLatch closed = new CountDownLatch(1);

    @Test
    void a_stream_that_takes_its_time_to_end_holds_up_no_other() throws Exception {
        OnePlace streams = new OnePlace();
        FutureTask<Boolean> delivery = new FutureTask<>(() -> {
            streams.deliver(generation());
            return true;
        });
        Thread.ofVirtual().start(delivery);
        closing.await();
        streams.take();
        assertThat(delivery.isDone()).isFalse();
        closed.countDown();
        assertThat(delivery.get()).isTrue();
    }

    private Generation generation() {
        GenerationRequest request = new GenerationRequest(
                "ended",
                new int[] {'a', 'b', 'c'},
                2,
                1,
                SamplingParams.GREEDY,
                new int[0],
                Caller.ANONYMOUS,
                PrefixScope.of(0),
                Deadlines.NONE);
        return Submitted.to(engine, request, new ByteTokenizer(), slowMeter());
    }

    /// Stands still where a request's end is counted.
    private EndMeter slowMeter() {
        return _ -> {
            closing.countDown();
            try {
                closed.await();
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        };
    }
}
