package io.sluice.batching;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntConsumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/// Several engines on their real threads, each with a device that counts.
@Timeout(60)
class EngineGroupTest {
    private static final ModelLimits LIMITS = new ModelLimits(64, 4, 128, 128, 8, 1000, 0);
    private static final Duration PATIENCE = Duration.ofSeconds(30);

    private final List<Semaphore> steps = List.of(new Semaphore(0), new Semaphore(0)); // each engine may take so many

    @Test
    void requestsAreSharedOutAndAllAreAnswered() throws InterruptedException {
        try (EngineGroup group = start(12)) {
            List<TokenStream> streams = new ArrayList<>();
            for (int i = 0; i < 6; i++) streams.add(admitted(group, 10 * i));
            assertThat(group.stats().running() + group.stats().waiting()).isLessThanOrEqualTo(6);
            steps.forEach(each -> each.release(1000));
            for (int i = 0; i < 6; i++) {
                end(streams.get(i));
                assertThat(streams.get(i).count()).isEqualTo(4);
            }
            assertThat(group.drain(PATIENCE)).isTrue();
            // Answered between steps: what is told of the last one is out.
            assertThat(group.sequences(PATIENCE)).hasValue(List.of());
            assertThat(stepsTaken(0)).as("steps of the first").isPositive();
            assertThat(stepsTaken(1)).as("steps of the second").isPositive();
            assertThat(group.stats().work().sampledTokens()).isEqualTo(24);
        }
    }

    private int stepsTaken(int engine) {
        return 1000 - steps.get(engine).availablePermits();
    }

    @Test
    void whatAllTogetherHaveIsTheirSum() {
        try (EngineGroup group = start(12)) {
            assertThat(group.limits()).isEqualTo(new ModelLimits(128, 4, 128, 256, 16, 1000, 0));
            assertThat(group.stats().blocks().free()).isEqualTo(128);
            assertThat(group.blocksOf("nobody")).isEqualTo(TenantBlocks.NONE);
            assertThat(group.isAlive()).isTrue();
            assertThat(group.stepStartedNs()).isZero();
        }
    }

    /// Each engine's queue holds half of what all together may.
    @Test
    void aFullQueueSendsARequestToTheNextAndOnlyFullQueuesRefuse() {
        try (EngineGroup group = start(4)) {
            int taken = 0;
            Admission answer;
            do {
                answer = group.submit(request(10 * taken));
                if (answer instanceof Admission.Admitted) taken++;
            } while (answer instanceof Admission.Admitted);
            assertThat(((Admission.Refused) answer).reason()).isEqualTo(Admission.Reason.QUEUE_FULL);
            assertThat(taken).isGreaterThanOrEqualTo(4);
            steps.forEach(each -> each.release(1000));
        }
    }

    @Test
    void whatFitsNoneIsRefusedByAll() {
        try (EngineGroup group = start(12)) {
            GenerationRequest large =
                    RequestBuilder.request().promptLength(120).maxNewTokens(50).build();
            assertThat(((Admission.Refused) group.submit(large)).reason()).isEqualTo(Admission.Reason.NEVER_FITS);
        }
    }

    /// The second device has less memory: that it can never hold the request is no reason not to come back.
    @Test
    void whoeverFitsOneThatIsFullIsToldToComeBackThoughAnotherCouldNeverHoldIt() {
        var small = new ModelLimits(8, 4, 128, 128, 8, 1000, 0);
        IntConsumer waits = _ -> steps.getFirst().acquireUninterruptibly();
        List<ModelRunner.Factory> runners =
                List.of(() -> new CountingRunner(LIMITS, waits), () -> new CountingRunner(small, _ -> {}));
        try (EngineGroup group = EngineGroup.start("group", new EngineSettings(4, true, 16), runners)) {
            int taken = 0;
            Admission answer;
            do {
                answer = group.submit(RequestBuilder.request()
                        .id("r" + taken)
                        .promptLength(5)
                        .maxNewTokens(40)
                        .build());
                if (answer instanceof Admission.Admitted) taken++;
            } while (answer instanceof Admission.Admitted);
            assertThat(taken).isPositive();
            assertThat(((Admission.Refused) answer).reason()).isEqualTo(Admission.Reason.QUEUE_FULL);
            steps.getFirst().release(1000);
        }
    }

    @Test
    void aDeviceThatIsLostTakesItsRequestsWithItAndTheOthersGoOn() throws InterruptedException {
        AtomicInteger lost = new AtomicInteger();
        List<ModelRunner.Factory> runners = List.of(
                () -> new CountingRunner(LIMITS, step -> {
                    if (step == 0) return; // so that there is a snapshot with something that runs
                    lost.incrementAndGet();
                    throw new ModelRunner.DeviceLost("injected by the test", new IllegalStateException());
                }),
                () -> new CountingRunner(LIMITS, _ -> {}));
        try (EngineGroup group = EngineGroup.start("group", new EngineSettings(12, true, 16), runners)) {
            List<FinishReason> reasons = new ArrayList<>();
            for (int i = 0; i < 6; i++) reasons.add(end(admitted(group, 10 * i)));
            assertThat(lost.get()).isEqualTo(1);
            assertThat(Collections.frequency(reasons, FinishReason.FAILED)).isEqualTo(1);
            assertThat(Collections.frequency(reasons, FinishReason.LENGTH)).isEqualTo(5);
            assertThat(group.isAlive()).isTrue();
            assertThat(group.isDeviceLost()).isTrue();
            assertThat(group.awaitEnd(Duration.ZERO)).isFalse();
            assertThat(group.drain(PATIENCE)).isTrue();
            // Answered between steps: what is told of the last one is out.
            assertThat(group.sequences(PATIENCE)).hasValue(List.of());
            // What the lost one had is not counted as running for ever, and its memory is no room.
            EngineStats stats = group.stats();
            assertThat(stats.running() + stats.waiting()).isZero();
            assertThat(stats.blocks().used()).isZero();
            assertThat(stats.blocks().free()).isEqualTo(LIMITS.blockCount());
            assertThat(stats.work().sampledTokens()).isEqualTo(5 * 4 + 1);
        }
    }

    @Test
    void ifOneCannotStartNoneIsLeft() {
        List<Thread> engines = new ArrayList<>();
        List<ModelRunner.Factory> runners = List.of(
                () -> {
                    engines.add(Thread.currentThread());
                    return new CountingRunner(LIMITS, _ -> {});
                },
                () -> {
                    throw new IllegalStateException("no memory on the second");
                });
        assertThatThrownBy(() -> EngineGroup.start("group", new EngineSettings(12, true, 16), runners))
                .hasMessage("no memory on the second");
        assertThat(engines.getFirst().isAlive()).isFalse();
    }

    @Test
    void aGroupThatDrainsTakesNothingMore() throws InterruptedException {
        try (EngineGroup group = start(12)) {
            assertThat(group.drain(Duration.ZERO)).isTrue();
            assertThat(((Admission.Refused) group.submit(request(0))).reason()).isEqualTo(Admission.Reason.DRAINING);
        }
    }

    private EngineGroup start(int waitingMax) {
        List<ModelRunner.Factory> runners = new ArrayList<>();
        for (Semaphore each : steps) {
            IntConsumer waits = _ -> each.acquireUninterruptibly();
            runners.add(() -> new CountingRunner(LIMITS, waits));
        }
        return EngineGroup.start("group", new EngineSettings(waitingMax, true, 16), runners);
    }

    private static TokenStream admitted(EngineGroup group, int first) {
        return ((Admission.Admitted) group.submit(request(first))).streams().getFirst();
    }

    private static GenerationRequest request(int first) {
        return RequestBuilder.request()
                .id("r" + first)
                .prompt(first, 5)
                .maxNewTokens(4)
                .build();
    }

    private static FinishReason end(TokenStream stream) throws InterruptedException {
        int seen = 0;
        while (stream.ending().isEmpty()) {
            stream.await(seen, PATIENCE);
            seen = stream.count();
        }
        return stream.ending().orElseThrow().reason();
    }
}
