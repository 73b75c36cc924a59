package io.sluice.device;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.batching.Admission;
import io.sluice.batching.Caller;
import io.sluice.batching.Deadlines;
import io.sluice.batching.EngineSettings;
import io.sluice.batching.EngineStats;
import io.sluice.batching.GenerationRequest;
import io.sluice.batching.ModelRunner;
import io.sluice.batching.PrefixScope;
import io.sluice.batching.SamplingParams;
import io.sluice.batching.SpeculationSettings;
import io.sluice.batching.SpeculationSettings.Kind;
import io.sluice.batching.TokenConstraint;
import io.sluice.batching.TokenStream;
import io.sluice.batching.VirtualEngine;
import io.sluice.modelstore.ModelFiles;
import io.sluice.modelstore.ModelStore;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Proposed tokens change no token, no log-probability and no ending, on the real runners. The clock stands still, so
/// that nothing is ever too dear to be proposed.
class SpeculationTest {
    private static final int VOCAB = RandomModel.TINY.vocabSize();
    private static final EngineSettings PLAIN = new EngineSettings(64, true, 64);

    /// What came of some requests.
    private record Outcome(List<String> answers, EngineStats.Speculated speculated) {}

    @ParameterizedTest
    @EnumSource(names = {"REFERENCE", "FAST_FLOAT32", "FAST_BFLOAT16", "LIBTORCH_FLOAT32"})
    void everyAnswerIsTheOneWithoutProposedTokens(RunnerKind kind) {
        WeightFiles files = new RandomModel(RandomModel.TINY, 5).files();
        List<GenerationRequest> requests = variedRequests();
        Outcome plain = run(kind.open(files, 8, 8000), PLAIN, requests);
        assertThat(plain.speculated.proposed()).isZero();
        for (int tokensMax : new int[] {1, 4, SpeculationSettings.TOKENS_MAX}) {
            Outcome proposed = run(kind.open(files, 8, 8000), ngram(tokensMax), requests);
            assertThat(proposed.answers).as("up to %d tokens", tokensMax).isEqualTo(plain.answers);
            assertThat(proposed.speculated.accepted()).isPositive();
            assertThat(proposed.speculated.proposed()).isGreaterThan(proposed.speculated.accepted());
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"REFERENCE", "FAST_FLOAT32"})
    void everyAnswerIsTheOneWithoutADraftModel(RunnerKind kind) {
        WeightFiles files = new RandomModel(RandomModel.TINY, 5).files();
        WeightFiles others = new RandomModel(RandomModel.TINY, 6).files();
        List<GenerationRequest> requests = variedRequests();
        Outcome plain = run(kind.open(files, 8, 8000), PLAIN, requests);
        EngineSettings settings = PLAIN.with(new SpeculationSettings(Kind.DRAFT, 4));
        try (ModelRunner itself = RunnerKind.FAST_FLOAT32.open(files, 16, 8000);
                ModelRunner other = RunnerKind.FAST_FLOAT32.open(others, 16, 2000)) {
            Outcome same = run(kind.open(files, 8, 8000), itself, settings, requests);
            assertThat(same.answers).isEqualTo(plain.answers);
            // Drawn under the same seeds: but for what the last bits of two ways to compute decide, always right.
            assertThat((double) same.speculated.accepted()).isGreaterThan(0.98 * same.speculated.proposed());
            Outcome wrong = run(kind.open(files, 8, 8000), other, settings, requests);
            assertThat(wrong.answers).isEqualTo(plain.answers);
            assertThat((double) wrong.speculated.accepted()).isLessThan(0.5 * wrong.speculated.proposed());
        }
    }

    @Test
    void theDemoModelWritesTheSame(@TempDir Path cache) {
        try (ModelFiles model = ModelStore.openDemo(cache)) {
            WeightFiles files = RunnerKind.files(model);
            List<GenerationRequest> requests = new ArrayList<>();
            for (int i = 0; i < 8; i++) {
                int[] prompt = model.tokenizer().encode("one two three four one two three four one two " + i);
                requests.add(request(i, prompt, 60, i < 4 ? SamplingParams.GREEDY : RunnerKind.eventful(i)));
            }
            Outcome plain = run(RunnerKind.FAST_FLOAT32.open(files, 16, 8000), PLAIN, requests);
            Outcome proposed = run(RunnerKind.FAST_FLOAT32.open(files, 16, 8000), ngram(5), requests);
            assertThat(proposed.answers).isEqualTo(plain.answers);
            assertThat(proposed.speculated.accepted()).isPositive();
        }
    }

    @Test
    @EnabledIfEnvironmentVariable(named = "SLUICE_SHARED", matches = ".+")
    void aPublishedModelWritesWhatTransformersWrites() {
        List<GoldenCases.Case> cases = GoldenCases.load();
        try (ModelFiles model = GoldenCases.openModel()) {
            List<GenerationRequest> requests = new ArrayList<>();
            for (GoldenCases.Case golden : cases) {
                requests.add(
                        request(requests.size(), golden.promptIds(), golden.greedyIds().length, SamplingParams.GREEDY));
            }
            Outcome proposed =
                    run(RunnerKind.FAST_FLOAT32.open(RunnerKind.files(model), 16, 16_000), ngram(4), requests);
            for (int i = 0; i < cases.size(); i++) {
                assertThat(proposed.answers.get(i))
                        .startsWith(Arrays.toString(cases.get(i).greedyIds()));
            }
            assertThat(proposed.speculated.proposed()).isPositive();
        }
    }

    /// What is sampled after a token depends on that token alone, so each row of the table is a distribution of its own
    /// that thousands of answers must have. Guesses are mostly wrong, and right as often as the model says.
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void whatIsSampledHasTheModelsDistribution(boolean believesLikelyGuesses) {
        var runner = new TableRunner(9, believesLikelyGuesses);
        List<GenerationRequest> requests = new ArrayList<>();
        for (int i = 0; i < 400; i++) requests.add(request(i, new int[] {i % 9, 3}, 120, sampled(1000L + i)));
        Outcome outcome = run(runner, ngram(4), requests);
        assertThat(outcome.speculated.accepted()).isGreaterThan(4000);
        double worst = 0;
        for (int before = 0; before < runner.size; before++) {
            double chiSquare = runner.chiSquare(before);
            worst = Math.max(worst, (chiSquare - (runner.size - 1)) / Math.sqrt(2.0 * (runner.size - 1)));
        }
        // Five deviations of a chi-square; seeds are fixed, so that it comes out the same every time.
        if (believesLikelyGuesses) assertThat(worst).isGreaterThan(20);
        else assertThat(worst).isLessThan(5);
    }

    private static EngineSettings ngram(int tokensMax) {
        return PLAIN.with(new SpeculationSettings(Kind.NGRAM, tokensMax));
    }

    /// Greedy and sampled, with penalties, biases, log-probabilities, end tokens, and constraints; several choices.
    private static List<GenerationRequest> variedRequests() {
        var random = new Random(17);
        List<GenerationRequest> requests = new ArrayList<>();
        for (int i = 0; i < 12; i++) {
            int[] prompt = repeating(random);
            var sampling = new SamplingParams(
                    i % 3 == 0 ? 0f : 0.3f,
                    i % 4 == 0 ? 0.9f : 1f,
                    i % 5 == 0 ? 20 : 0,
                    0f,
                    100L + i,
                    i % 4 == 1 ? 0.05f : 0f,
                    0f,
                    i % 4 == 2 ? 1.02f : 1f,
                    i % 6 == 0 ? 30 : 0,
                    i % 5 == 3 ? Map.of(3, 2f, 4, -2f) : Map.of(),
                    i % 2 == 0 ? 3 : SamplingParams.NO_LOGPROBS);
            int[] endTokens = i % 3 == 1 ? new int[] {random.nextInt(VOCAB), random.nextInt(VOCAB)} : new int[0];
            TokenConstraint constraint = i % 4 == 3 ? new Cycle(3 + i % 3) : null;
            requests.add(new GenerationRequest(
                    "request-" + i,
                    prompt,
                    40 + i,
                    1 + i % 2,
                    sampling,
                    endTokens,
                    Caller.ANONYMOUS,
                    PrefixScope.of(0),
                    Deadlines.NONE,
                    constraint,
                    null));
        }
        return requests;
    }

    private static int[] repeating(Random random) {
        int period = 2 + random.nextInt(5);
        int[] prompt = new int[10 + random.nextInt(30)];
        for (int i = 0; i < prompt.length; i++) prompt[i] = i < period ? random.nextInt(VOCAB) : prompt[i - period];
        return prompt;
    }

    private static GenerationRequest request(int id, int[] prompt, int maxNewTokens, SamplingParams sampling) {
        return new GenerationRequest(
                "request-" + id,
                prompt,
                maxNewTokens,
                1,
                sampling,
                new int[0],
                Caller.ANONYMOUS,
                PrefixScope.of(0),
                Deadlines.NONE);
    }

    private static SamplingParams sampled(long seed) {
        return new SamplingParams(1f, 1f, 0, 0f, seed, 0f, 0f, 1f, 0, Map.of(), SamplingParams.NO_LOGPROBS);
    }

    private static Outcome run(ModelRunner opened, EngineSettings settings, List<GenerationRequest> requests) {
        return run(opened, null, settings, requests);
    }

    private static Outcome run(
            ModelRunner opened,
            @Nullable ModelRunner draft,
            EngineSettings settings,
            List<GenerationRequest> requests) {
        try (ModelRunner runner = opened) {
            var random = new Random(1);
            var engine = draft == null
                    ? new VirtualEngine(settings, runner, () -> 0, random)
                    : new VirtualEngine(settings, runner, draft, () -> 0, random);
            List<Answer> answers = new ArrayList<>();
            for (GenerationRequest request : requests) {
                while (!(engine.submit(request) instanceof Admission.Admitted(var streams, var _)
                        && answers.addAll(answers(request, streams)))) {
                    turn(engine, answers); // until there is room in the queue
                }
            }
            boolean works = true;
            while (works) works = turn(engine, answers);
            return new Outcome(
                    answers.stream().map(Answer::text).toList(), engine.stats().speculated());
        }
    }

    private static List<Answer> answers(GenerationRequest request, List<TokenStream> streams) {
        return streams.stream().map(stream -> new Answer(request, stream)).toList();
    }

    private static boolean turn(VirtualEngine engine, List<Answer> answers) {
        boolean worked = engine.turn();
        answers.forEach(Answer::read);
        return worked;
    }

    /// What a choice says, to a reader who keeps up.
    private record Answer(GenerationRequest request, TokenStream stream) {
        void read() {
            if (stream.ending().isPresent()) return;
            try {
                stream.await(stream.count(), Duration.ZERO);
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        }

        String text() {
            int[] tokens = new int[stream.count()];
            var scores = new StringBuilder();
            boolean isScored = request.sampling().topLogprobs() != SamplingParams.NO_LOGPROBS;
            for (int i = 0; i < tokens.length; i++) {
                tokens[i] = stream.token(i);
                if (isScored) score(i, scores);
            }
            return Arrays.toString(tokens) + " " + stream.ending().orElseThrow() + scores;
        }

        private void score(int index, StringBuilder scores) {
            scores.append(' ').append(stream.logprob(index));
            for (int rank = 0; rank < stream.topCount(index); rank++) {
                scores.append('/').append(stream.topToken(index, rank));
                scores.append(':').append(stream.topLogprob(index, rank));
            }
        }
    }

    /// Tokens in turn from as many classes: what may come depends on how many came before.
    private record Cycle(int classes) implements TokenConstraint {
        @Override
        public Progress begin() {
            return new Way(classes);
        }

        private static final class Way implements Progress {
            private final int classes;
            private int accepted;

            Way(int classes) {
                this.classes = classes;
            }

            @Override
            public void fill(long[] mask) {
                Arrays.fill(mask, 0);
                for (int token = 0; token < VOCAB; token++) {
                    if (token % classes == accepted % classes) mask[token >> 6] |= 1L << token;
                }
            }

            @Override
            public boolean accept(int token) {
                boolean fits = token % classes == accepted % classes;
                accepted++;
                return fits;
            }

            @Override
            public void moveTo(Progress other) {
                accepted = ((Way) other).accepted;
            }

            @Override
            public boolean isComplete() {
                return accepted > 10;
            }

            @Override
            public boolean isOver() {
                return accepted == 35;
            }
        }
    }
}
