package io.sluice.benchmarks.traffic;

import io.sluice.batching.Admission;
import io.sluice.batching.Attempt;
import io.sluice.batching.EngineSettings;
import io.sluice.batching.EngineStats;
import io.sluice.batching.FinishReason;
import io.sluice.batching.GenerationRequest;
import io.sluice.batching.Timeline;
import io.sluice.batching.TokenStream;
import io.sluice.batching.VirtualEngine;
import java.time.Duration;
import java.util.SplittableRandom;
import java.util.function.BooleanSupplier;

/// The production engine in a replay. One thread.
final class SluiceEngine implements SimulatedEngine {

    /// Room for a minute of any of the simulated devices: what waits is to be decided by promises, not by a
    /// number.
    private static final int WAITING_MAX = 2048;

    private final int blockCount;
    private final int vocabSize;
    private final StepLog sampled;
    private final VirtualEngine engine;

    SluiceEngine(DeviceModel device, VirtualTime time, long seed) {
        var limits = device.limits();
        blockCount = limits.blockCount();
        vocabSize = limits.vocabSize();
        sampled = new StepLog(limits.sequencesMax());
        var settings = new EngineSettings(WAITING_MAX, true, limits.stepTokensMax() / 2); // as `serve` has it
        var runner = new RooflineRunner(device, time, sampled);
        engine = new VirtualEngine(settings, runner, time, new SplittableRandom(seed));
    }

    @Override
    public Answer submit(TrafficRequest request, Attempt attempt) {
        return switch (engine.submit(request.forEngine(vocabSize), attempt)) {
            case Admission.Admitted(var streams, var timeline) ->
                new Answer.Admitted(new StreamOutput(streams.getFirst(), timeline, request.outputTokens()));
            case Admission.Refused refused -> new Answer.Refused(refused);
        };
    }

    @Override
    public boolean turn(StepLog log) {
        sampled.clear();
        boolean worked = engine.turn();
        log.clear();
        for (int i = 0; i < sampled.count(); i++) log.add(sampled.request(i));
        return worked;
    }

    @Override
    public void resume() {
        engine.resume();
    }

    @Override
    public BooleanSupplier probe(TrafficRequest request) {
        GenerationRequest asked = request.forEngine(vocabSize);
        return () -> engine.wouldRefuse(asked).isEmpty();
    }

    @Override
    public State state() {
        EngineStats stats = engine.stats();
        return new State(
                stats.blocks().used(),
                blockCount,
                stats.running(),
                stats.waiting(),
                stats.work().steps(),
                stats.work().preemptions(),
                stats.work().parks(),
                stats.work().guaranteedPreemptions());
    }

    /// A stream whose reader is never behind.
    private record StreamOutput(TokenStream stream, Timeline timeline, int expectedTokens) implements Output {
        @Override
        public int take() {
            int count = stream.count();
            try {
                stream.await(count, Duration.ZERO); // returns at once, and says that all was read
            } catch (InterruptedException e) {
                throw new IllegalStateException("a replay was interrupted", e);
            }
            return count;
        }

        @Override
        public boolean hasEnded() {
            return stream.ending().isPresent();
        }

        @Override
        public Ended ended() {
            TokenStream.Ending ending = stream.ending().orElseThrow();
            boolean whole = ending.reason() == FinishReason.STOP || ending.reason() == FinishReason.LENGTH;
            boolean complete = whole && stream.count() == expectedTokens;
            return new Ended(complete, ending.reason(), ending.cachedTokens(), timeline.preemptions());
        }
    }
}
