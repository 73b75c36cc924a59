package io.sluice.device;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import io.sluice.batching.ModelLimits;
import io.sluice.batching.ModelRunner;
import io.sluice.batching.SpeculationSettings;
import io.sluice.batching.StepPlan;
import io.sluice.batching.StepResult;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Random;

/// A model whose logits are a row of a table, chosen by the last token, under the real sampler. It counts what came
/// after what where a guess was judged. It may have a bug: a guess that is likely enough is taken as it is.
final class TableRunner implements ModelRunner {
    final int size;
    private final boolean believesLikelyGuesses;
    private final ModelLimits limits;
    private final MemorySegment[] logits; // [token before] float [size]
    private final double[][] probabilities; // [token before][token]
    private final long[][] seen; // [token before][token]
    private final Sampler sampler;
    private final StepResult result;
    private final Arena arena = Arena.ofConfined();

    TableRunner(int size, boolean believesLikelyGuesses) {
        this.size = size;
        this.believesLikelyGuesses = believesLikelyGuesses;
        limits = new ModelLimits(4000, 8, 256, 512, 64, size, 0);
        logits = new MemorySegment[size];
        probabilities = new double[size][size];
        seen = new long[size][size];
        var random = new Random(3);
        for (int before = 0; before < size; before++) {
            logits[before] = arena.allocate(JAVA_FLOAT, size);
            double sum = 0;
            for (int token = 0; token < size; token++) {
                float logit = (float) (1.5 * random.nextGaussian());
                logits[before].setAtIndex(JAVA_FLOAT, token, logit);
                probabilities[before][token] = Math.exp(logit);
                sum += probabilities[before][token];
            }
            for (int token = 0; token < size; token++) probabilities[before][token] /= sum;
        }
        sampler = new Sampler(size);
        result = new StepResult(limits.sequencesMax(), proposedMax());
    }

    /// How far what came after `before` is from what should have.
    double chiSquare(int before) {
        long total = 0;
        for (long count : seen[before]) total += count;
        double sum = 0;
        for (int token = 0; token < size; token++) {
            double expected = total * probabilities[before][token];
            sum += (seen[before][token] - expected) * (seen[before][token] - expected) / expected;
        }
        return sum;
    }

    @Override
    public ModelLimits limits() {
        return limits;
    }

    @Override
    public int proposedMax() {
        return SpeculationSettings.TOKENS_MAX;
    }

    @Override
    public InFlightStep launch(StepPlan plan) {
        return () -> {
            for (int slice = 0; slice < plan.sliceCount(); slice++) {
                for (int i = 0; i < plan.sampleCount(slice) && result.isWanted(plan, slice, i); i++) {
                    sample(plan, slice, i);
                }
            }
            return result;
        };
    }

    private void sample(StepPlan plan, int slice, int index) {
        int before = plan.token(plan.sampleToken(slice, index));
        sampler.sample(plan, slice, index, logits[before], result);
        boolean judges = index < plan.proposedCount(slice);
        if (believesLikelyGuesses && judges && probabilities[before][plan.proposed(slice, index)] > 0.1) {
            believe(plan, slice, index);
        }
        if (judges) seen[before][result.token(slice, index)]++;
    }

    private void believe(StepPlan plan, int slice, int index) {
        int[] kept = new int[index];
        for (int i = 0; i < index; i++) kept[i] = result.token(slice, i);
        for (int i = 0; i < index; i++) result.put(slice, i, kept[i], 0);
        result.put(slice, index, plan.proposed(slice, index), 0);
    }

    @Override
    public void close() {
        arena.close();
    }
}
