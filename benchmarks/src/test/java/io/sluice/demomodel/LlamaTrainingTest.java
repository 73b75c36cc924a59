package io.sluice.demomodel;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import io.sluice.modelstore.ModelConfig;
import java.util.BitSet;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class LlamaTrainingTest {
    private static final ModelConfig TINY =
            new ModelConfig("LlamaForCausalLM", 32, 32, 2, 4, 2, 8, 64, 1e-5f, 10_000f, 64, true);

    @Test
    void aTinyModelLearnsToCountByHeart() {
        double[] losses = losses(60);

        assertThat(losses[0]).isBetween(Math.log(32) - 0.5, Math.log(32) + 0.5); // knows nothing: every token alike
        assertThat(losses[59]).isLessThan(0.1);
    }

    @Test
    void trainingTwiceGivesTheSameLosses() {
        assertThat(losses(10)).containsExactly(losses(10));
    }

    @Test
    void aTokenDoesNotSeeTheOnesAfterIt() {
        try (NDManager memory = NDManager.newBaseManager();
                var weights = new LlamaWeights(memory, TINY, new SplittableRandom(1));
                var scope = new NDScope()) {
            scope.suppressNotUsedWarning();
            var graph = new LlamaGraph(memory, weights);
            NDArray one = graph.hidden(
                    LlamaTraining.indices(memory, new int[] {5, 6, 7, 8}).reshape(1, 4));
            NDArray other = graph.hidden(
                    LlamaTraining.indices(memory, new int[] {5, 6, 9, 9}).reshape(1, 4));

            assertThat(one.get(":2").toFloatArray())
                    .containsExactly(other.get(":2").toFloatArray());
            assertThat(one.get("2").toFloatArray()).isNotEqualTo(other.get("2").toFloatArray());
        }
    }

    /// Losses of the first steps on rows that count upwards.
    private static double[] losses(int steps) {
        List<DemoTokenizer.Encoded> rows = IntStream.range(0, 16)
                .mapToObj(i -> {
                    var learned = new BitSet();
                    learned.set(1, 12);
                    return new DemoTokenizer.Encoded(IntStream.range(i, i + 12).toArray(), learned);
                })
                .toList();
        try (NDManager memory = NDManager.newBaseManager();
                var weights = new LlamaWeights(memory, TINY, new SplittableRandom(1))) {
            var graph = new LlamaGraph(memory, weights);
            var training = new LlamaTraining(memory, weights, graph, new Batches(rows, 96, 1), 1e-2, steps);
            return IntStream.range(0, steps)
                    .mapToDouble(_ -> training.step().loss())
                    .toArray();
        }
    }
}
