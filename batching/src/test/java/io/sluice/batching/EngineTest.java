package io.sluice.batching;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.SplittableRandom;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.IntConsumer;
import java.util.function.LongSupplier;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// The engine on its real thread. Nothing here measures time: whoever waits, waits until told.
@Timeout(60)
class EngineTest {
    private static final ModelLimits LIMITS = new ModelLimits(64, 4, 64, 32, 8, 1000, 0);
    private static final EngineSettings SETTINGS = new EngineSettings(64, true, 16);
    private static final Duration PATIENCE = Duration.ofSeconds(30);

    @Test
    void everyTokenOfARequestArrivesInOrderAndTheStreamEnds() throws InterruptedException {
        try (Engine engine = start(EngineTest::nothing)) {
            TokenStream stream = admitted(engine.submit(request("a", 5, 10, 1))).getFirst();
            assertThat(read(stream)).containsExactly(5, 6, 7, 8, 9, 10, 11, 12, 13, 14);
            TokenStream.Ending ending = stream.ending().orElseThrow();
            assertThat(ending.reason()).isEqualTo(FinishReason.LENGTH);
            assertThat(ending.promptTokens()).isEqualTo(5);
            assertThat(ending.sampledTokens()).isEqualTo(10);
        }
    }

    @Test
    void aRequestThatCanNeverFitIsRefusedWithTheNumbers() {
        try (Engine engine = start(EngineTest::nothing)) {
            var refused = (Admission.Refused) engine.submit(request("a", 60, 5, 1));
            assertThat(refused.reason()).isEqualTo(Admission.Reason.NEVER_FITS);
            assertThat(refused.detail()).contains("60", "5", "64");
        }
    }

    @Test
    void aTokenOutsideTheVocabularyIsNamed() {
        try (Engine engine = start(EngineTest::nothing)) {
            var request = new GenerationRequest(
                    "a",
                    new int[] {1, 1000},
                    5,
                    1,
                    SamplingParams.GREEDY,
                    new int[0],
                    Caller.ANONYMOUS,
                    PrefixScope.of(0),
                    Deadlines.NONE);
            assertThatThrownBy(() -> engine.submit(request))
                    .isInstanceOf(InvalidRequest.class)
                    .hasMessageContaining("1000");
        }
    }

    @Test
    void closingEndsWhatIsLeftAsFailed() throws InterruptedException {
        Engine engine = start(EngineTest::nothing);
        TokenStream stream = admitted(engine.submit(request("a", 5, 50, 1))).getFirst();
        engine.close();
        read(stream);
        assertThat(stream.ending().orElseThrow().reason()).isIn(FinishReason.FAILED, FinishReason.LENGTH);
        assertThat(engine.isAlive()).isFalse();
        assertThat(engine.submit(request("b", 5, 5, 1)))
                .isInstanceOfSatisfying(
                        Admission.Refused.class,
                        refused -> assertThat(refused.reason()).isEqualTo(Admission.Reason.STOPPED));
    }

    @Test
    void whatTheFactoryThrowsReachesTheCaller() {
        assertThatThrownBy(() -> Engine.start("test", SETTINGS, () -> {
                    throw new IllegalArgumentException("no such model");
                }))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("no such model");
    }

    @Test
    void manyReadersWritersAndQuittersAllComeToAnEnd() throws InterruptedException {
        int clients = 64;
        int requestsPerClient = 100;
        var ended = new AtomicInteger();
        var wrong = new AtomicInteger();
        try (Engine engine = start(EngineTest::nothing)) {
            var threads = new ArrayList<Thread>();
            for (int client = 0; client < clients; client++) {
                int number = client;
                threads.add(Thread.ofVirtual().start(() -> {
                    var random = new SplittableRandom(number);
                    for (int i = 0; i < requestsPerClient; i++) {
                        Admission answer = engine.submit(request(number + "-" + i, 1 + i % 20, 1 + i % 30, 1 + i % 3));
                        if (!(answer instanceof Admission.Admitted(var streams, var _))) continue;
                        for (TokenStream stream : streams) {
                            boolean quits = random.nextInt(4) == 0;
                            if (!readsRightly(stream, 1 + i % 20, quits ? random.nextInt(3) : 100)) {
                                wrong.incrementAndGet();
                            }
                            ended.incrementAndGet();
                        }
                    }
                }));
            }
            for (Thread thread : threads) thread.join();
            assertThat(wrong).hasValue(0);
            assertThat(ended.get()).isGreaterThan(clients);
            assertThat(engine.drain(PATIENCE)).isTrue();
            assertThat(engine.isAlive()).isTrue();
        }
    }

    /// Reads to the end, or gives up after `tokensMax` tokens and still waits for the end.
    private static boolean readsRightly(TokenStream stream, int promptLength, int tokensMax) {
        try {
            int seen = 0;
            while (stream.ending().isEmpty()) {
                if (seen >= tokensMax) stream.cancel();
                int count = stream.await(seen, PATIENCE);
                for (; seen < count; seen++) {
                    if (stream.token(seen) != promptLength + seen) return false;
                }
            }
            FinishReason reason = stream.ending().orElseThrow().reason();
            return reason == FinishReason.LENGTH || reason == FinishReason.CANCELLED;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    @Test
    void closingInTheMiddleLeavesNoReaderParked() throws InterruptedException {
        var stepped = new CountDownLatch(200);
        Engine engine = start(step -> stepped.countDown());
        List<Thread> clients = submitUntilStopped(engine, 32);
        stepped.await();
        engine.close();
        for (Thread client : clients) client.join();
        assertThat(engine.isAlive()).isFalse();
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void anEngineThatDiesOnItsOwnLeavesNoReaderParked(boolean deviceLost) throws InterruptedException {
        Engine engine = start(step -> {
            if (step < 100) return;
            var cause = new IllegalStateException("injected by the test");
            throw deviceLost ? new ModelRunner.DeviceLost("injected by the test", cause) : cause;
        });
        List<Thread> clients = submitUntilStopped(engine, 32);
        for (Thread client : clients) client.join();
        assertThat(engine.isAlive()).isFalse();
        assertThat(engine.isDeviceLost()).isEqualTo(deviceLost);
        assertThat(engine.awaitEnd(PATIENCE)).isTrue();
        assertThat(engine.stepStartedNs()).isZero();
        assertThat(engine.drain(Duration.ZERO)).isTrue();
        engine.close();
    }

    @Test
    void whoHasReadThatTheEngineHasEndedKnowsWhen() {
        var nowNs = new AtomicLong(7);
        EngineParts.Core core = EngineParts.REAL.core(LIMITS, SETTINGS, new Random(1));
        var streams = new ArrayList<TokenStream>();
        var asked = new ArrayList<Boolean>(); // for each look at the clock, whether the stream had ended
        LongSupplier clock = () -> {
            for (TokenStream stream : streams) asked.add(stream.ending().isPresent());
            return nowNs.get();
        };
        var loop = new EngineLoop(
                core, EngineParts.REAL.scheduler(core), new CountingRunner(LIMITS, EngineTest::nothing), clock);
        var admitted = (Admission.Admitted) loop.submit(request("a", 5, 3, 1), Attempt.FIRST, () -> {});
        streams.addAll(admitted.streams());
        loop.endAll("the test is over");
        assertThat(streams.getFirst().ending()).isPresent();
        assertThat(admitted.timeline().endedNs()).isEqualTo(7);
        assertThat(asked).isNotEmpty().doesNotContain(true);
    }

    /// Clients that submit and read until the engine refuses because it has stopped.
    private static List<Thread> submitUntilStopped(Engine engine, int clients) {
        var threads = new ArrayList<Thread>();
        for (int client = 0; client < clients; client++) {
            String id = "client-" + client;
            threads.add(Thread.ofVirtual().start(() -> {
                while (true) {
                    switch (engine.submit(request(id, 5, 40, 2))) {
                        case Admission.Admitted(var streams, var _) -> streams.forEach(EngineTest::readToTheEnd);
                        case Admission.Refused refused -> {
                            if (refused.reason() == Admission.Reason.STOPPED) return;
                        }
                    }
                }
            }));
        }
        return threads;
    }

    private static void readToTheEnd(TokenStream stream) {
        try {
            read(stream);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Test
    void aStepThatFailsOnceLosesNobody() throws InterruptedException {
        var failing = new AtomicBoolean(true);
        try (Engine engine = start(step -> {
            if (failing.getAndSet(false)) {
                throw new ModelRunner.StepFailed("injected by the test", new IllegalStateException());
            }
        })) {
            TokenStream stream = admitted(engine.submit(request("a", 5, 10, 1))).getFirst();
            assertThat(read(stream)).containsExactly(5, 6, 7, 8, 9, 10, 11, 12, 13, 14);
        }
    }

    @Test
    void aRequestThatCannotBeComputedFailsAloneAndTheEngineGoesOn() throws InterruptedException {
        var failing = new AtomicInteger(2); // the step, and the second try
        try (Engine engine = start(step -> {
            if (failing.getAndDecrement() > 0) {
                throw new ModelRunner.StepFailed("injected by the test", new IllegalStateException());
            }
        })) {
            TokenStream failed = admitted(engine.submit(request("a", 5, 10, 1))).getFirst();
            assertThat(read(failed)).isEmpty();
            assertThat(failed.ending().orElseThrow().reason()).isEqualTo(FinishReason.FAILED);
            TokenStream next = admitted(engine.submit(request("b", 5, 10, 1))).getFirst();
            assertThat(read(next)).hasSize(10);
        }
    }

    @Test
    void aDeviceThatComputesNothingAnyMoreIsLost() throws InterruptedException {
        Engine engine = start(step -> {
            throw new ModelRunner.StepFailed("injected by the test", new IllegalStateException());
        });
        List<Thread> clients = submitUntilStopped(engine, 4);
        for (Thread client : clients) client.join();
        assertThat(engine.isAlive()).isFalse();
        engine.close();
    }

    @Test
    void aSequenceWhoseReaderLagsStandsStillAndGoesOnWhenItHasCaughtUp() throws InterruptedException {
        var settings = new EngineSettings(64, true, 16, 4, Duration.ofHours(1).toNanos());
        try (Engine engine = Engine.start("test", settings, () -> new CountingRunner(LIMITS, EngineTest::nothing))) {
            TokenStream stream = admitted(engine.submit(request("a", 5, 20, 1))).getFirst();
            while (engine.stats().paused() == 0) Thread.onSpinWait();
            assertThat(stream.count()).isEqualTo(4);
            assertThat(read(stream)).hasSize(20);
            assertThat(engine.stats().work().pauses()).isPositive();
        }
    }

    @Test
    void aReaderWhoNeverReadsIsGivenUp() {
        var nowNs = new AtomicLong();
        var settings = new EngineSettings(64, true, 16, 4, 1000);
        try (Engine engine =
                Engine.start("test", settings, () -> new CountingRunner(LIMITS, EngineTest::nothing), nowNs::get)) {
            TokenStream stream = admitted(engine.submit(request("a", 5, 20, 1))).getFirst();
            while (engine.stats().paused() == 0) Thread.onSpinWait();
            nowNs.addAndGet(1000);
            while (stream.ending().isEmpty()) Thread.onSpinWait();
            assertThat(stream.ending().orElseThrow().reason()).isEqualTo(FinishReason.STALLED);
            while (engine.stats().blocks().used() > 0) Thread.onSpinWait();
        }
    }

    @Test
    void aCancelledStreamEndsAtTheNextPlanAndItsBlocksAreFree() throws InterruptedException {
        var gate = new Semaphore(0);
        var reached = new Semaphore(0);
        try (Engine engine = start(step -> {
            reached.release();
            gate.acquireUninterruptibly();
        })) {
            TokenStream stream = admitted(engine.submit(request("a", 5, 50, 1))).getFirst();
            reached.acquire();
            stream.cancel(); // while the first step is in flight
            gate.release(1000);
            read(stream);
            assertThat(stream.ending().orElseThrow().reason()).isEqualTo(FinishReason.CANCELLED);
            assertThat(stream.count()).isEqualTo(1);
            assertThat(engine.drain(PATIENCE)).isTrue();
            // The statistics of the turn that ended it are published right after it.
            while (engine.stats().blocks().used() > 0) Thread.onSpinWait();
            assertThat(engine.stats().blocks().free()).isEqualTo(LIMITS.blockCount());
        }
    }

    @Test
    void aStepInFlightIsSeenFromOutsideWhetherOrNotItEverReturns() throws InterruptedException {
        var gate = new Semaphore(0);
        var reached = new Semaphore(0);
        var nowNs = new AtomicLong(1000);
        try (Engine engine = Engine.start(
                "test",
                SETTINGS,
                () -> new CountingRunner(LIMITS, step -> {
                    reached.release();
                    gate.acquireUninterruptibly();
                }),
                nowNs::get)) {
            assertThat(engine.stepStartedNs()).isZero();
            TokenStream stream = admitted(engine.submit(request("a", 5, 3, 1))).getFirst();
            reached.acquire();
            nowNs.set(9000);
            assertThat(engine.stepStartedNs()).isEqualTo(1000);
            gate.release(3);
            read(stream);
            while (engine.stepStartedNs() != 0) Thread.onSpinWait();
            assertThat(engine.awaitEnd(Duration.ZERO)).isFalse();
        }
    }

    @Test
    void drainingRefusesNewWorkAndWaitsForTheOld() throws InterruptedException {
        var gate = new Semaphore(0);
        try (Engine engine = start(step -> gate.acquireUninterruptibly())) {
            TokenStream stream = admitted(engine.submit(request("a", 5, 3, 1))).getFirst();
            assertThat(engine.drain(Duration.ZERO)).isFalse();
            var refused = (Admission.Refused) engine.submit(request("b", 5, 3, 1));
            assertThat(refused.reason()).isEqualTo(Admission.Reason.DRAINING);
            gate.release(1000);
            assertThat(engine.drain(PATIENCE)).isTrue();
            assertThat(stream.ending().orElseThrow().reason()).isEqualTo(FinishReason.LENGTH);
        }
    }

    @Test
    void theDeadlineIsOnTheEnginesClock() throws InterruptedException {
        var nowNs = new AtomicLong(1000);
        try (Engine engine = Engine.start(
                "test", SETTINGS, () -> new CountingRunner(LIMITS, step -> nowNs.addAndGet(10)), nowNs::get)) {
            var request = new GenerationRequest(
                    "a",
                    new int[] {1, 2},
                    50,
                    1,
                    SamplingParams.GREEDY,
                    new int[0],
                    Caller.ANONYMOUS,
                    PrefixScope.of(0),
                    Deadlines.last(engine.nowNs() + 25));
            TokenStream stream = admitted(engine.submit(request)).getFirst();
            assertThat(read(stream)).hasSize(3); // planned at 1000, 1010 and 1020
            TokenStream.Ending ending = stream.ending().orElseThrow();
            assertThat(ending.reason()).isEqualTo(FinishReason.EXPIRED);
            assertThat(ending.detail()).contains("3 of at most 50");
        }
    }

    @Test
    void anIdleEngineWakesForWork() throws InterruptedException {
        try (Engine engine = start(EngineTest::nothing)) {
            for (int i = 0; i < 500; i++) {
                TokenStream stream =
                        admitted(engine.submit(request("a" + i, 3, 1, 1))).getFirst();
                assertThat(read(stream)).containsExactly(3);
            }
            assertThat(engine.stats().work().steps()).isPositive();
            assertThat(engine.stats().latestStepEndNs()).isLessThanOrEqualTo(engine.nowNs());
        }
    }

    private static Engine start(IntConsumer onStep) {
        return Engine.start("test", SETTINGS, () -> new CountingRunner(LIMITS, onStep));
    }

    private static void nothing(int step) {}

    private static GenerationRequest request(String id, int promptLength, int maxNewTokens, int choices) {
        int[] prompt = IntStream.range(0, promptLength).toArray();
        return new GenerationRequest(
                id,
                prompt,
                maxNewTokens,
                choices,
                SamplingParams.GREEDY,
                new int[0],
                Caller.ANONYMOUS,
                PrefixScope.of(0),
                Deadlines.NONE);
    }

    private static List<TokenStream> admitted(Admission admission) {
        return ((Admission.Admitted) admission).streams();
    }

    /// Reads until the stream's end.
    private static List<Integer> read(TokenStream stream) throws InterruptedException {
        int seen = 0;
        while (stream.ending().isEmpty()) seen = stream.await(seen, PATIENCE);
        return IntStream.range(0, stream.count()).map(stream::token).boxed().toList();
    }
}
