package io.sluice.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.data.Offset.offset;

import io.sluice.batching.Admission;
import io.sluice.batching.Caller;
import io.sluice.batching.Deadlines;
import io.sluice.batching.Engine;
import io.sluice.batching.EngineSettings;
import io.sluice.batching.GenerationRequest;
import io.sluice.batching.PrefixScope;
import io.sluice.batching.PromptEmbedding;
import io.sluice.batching.PromptLogprobs;
import io.sluice.batching.PromptReport;
import io.sluice.batching.PromptWish;
import io.sluice.batching.SamplingParams;
import io.sluice.batching.TokenStream;
import java.time.Duration;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// What the runners tell of prompts through the engine, in small slices and beside a warm prefix cache, is what a plain
/// implementation computes.
class PromptReportTest {
    private static final int TOP = 3;
    private static final int LENGTH = 75; // several slices, the last one not full

    private final RandomModel model = new RandomModel(RandomModel.TINY, 71);
    private final int[] prompt =
            new Random(72).ints(LENGTH, 0, RandomModel.TINY.vocabSize()).toArray();

    @ParameterizedTest
    @EnumSource(
            value = RunnerKind.class,
            names = {"REFERENCE", "FAST_FLOAT32", "LIBTORCH_FLOAT32"})
    void logProbabilitiesOfThePromptAreThoseOfAPlainImplementation(RunnerKind kind) throws Exception {
        double[][] logits = new PlainLlama(model).logits(prompt);
        try (Engine engine = engine(kind)) {
            generate(engine, null); // its blocks are in the cache now
            PromptLogprobs report = (PromptLogprobs) finish(engine, new PromptWish.Logprobs(TOP, false));
            for (int position = 1; position < LENGTH; position++) {
                double[] row = logits[position - 1];
                double total = 0;
                for (double logit : row) total += Math.exp(logit);
                double own = row[prompt[position]];
                assertThat((double) report.logprob(position))
                        .as("position %d", position)
                        .isCloseTo(own - Math.log(total), offset(2e-4));
                int rank = 1;
                for (double logit : row) rank += logit > own + 1e-4 ? 1 : 0;
                assertThat(report.rank(position)).isGreaterThanOrEqualTo(rank);
                assertThat(report.topCount(position)).isEqualTo(TOP);
                double largest = Double.NEGATIVE_INFINITY;
                for (double logit : row) largest = Math.max(largest, logit);
                assertThat((double) report.topLogprob(position, 0)).isCloseTo(largest - Math.log(total), offset(2e-4));
            }
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = RunnerKind.class,
            names = {"REFERENCE", "FAST_FLOAT32", "LIBTORCH_FLOAT32"})
    void embeddingsAreThePooledHiddenStatesOfAPlainImplementation(RunnerKind kind) throws Exception {
        double[][] finals = new PlainLlama(model).finals(prompt);
        try (Engine engine = engine(kind)) {
            generate(engine, null);
            double[] last = embedding(engine, PromptWish.Pooling.LAST);
            double[] mean = embedding(engine, PromptWish.Pooling.MEAN);
            assertThat(last).hasSize(RandomModel.TINY.hiddenSize());
            for (int i = 0; i < last.length; i++) {
                double sum = 0;
                for (double[] state : finals) sum += state[i];
                assertThat(last[i]).isCloseTo(finals[LENGTH - 1][i], offset(5e-4));
                assertThat(mean[i]).isCloseTo(sum / LENGTH, offset(5e-4));
            }
        }
    }

    private double[] embedding(Engine engine, PromptWish.Pooling pooling) throws InterruptedException {
        return ((PromptEmbedding) finish(engine, new PromptWish.Embedding(pooling))).pooled();
    }

    private Engine engine(RunnerKind kind) {
        return Engine.start("test", new EngineSettings(16, true, 16), () -> kind.open(model.files(), 8, 2000));
    }

    private PromptReport finish(Engine engine, PromptWish wish) throws InterruptedException {
        return generate(engine, wish).promptReport().orElseThrow();
    }

    /// The stream of a request that has ended as it should.
    private TokenStream generate(Engine engine, @Nullable PromptWish wish) throws InterruptedException {
        GenerationRequest request = new GenerationRequest(
                "r",
                prompt,
                2,
                1,
                SamplingParams.GREEDY,
                new int[0],
                Caller.ANONYMOUS,
                PrefixScope.of(0),
                Deadlines.NONE,
                null,
                wish);
        Admission.Admitted admitted = (Admission.Admitted) engine.submit(request);
        TokenStream stream = admitted.streams().getFirst();
        while (stream.ending().isEmpty()) stream.await(stream.count(), Duration.ofSeconds(10));
        assertThat(stream.ending().orElseThrow().cachedTokens()).isZero();
        assertThat(stream.count()).isEqualTo(request.wantsOutput() ? 2 : 0);
        return stream;
    }
}
