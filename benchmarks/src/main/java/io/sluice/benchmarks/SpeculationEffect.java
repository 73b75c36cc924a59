package io.sluice.benchmarks;

import io.sluice.batching.Admission;
import io.sluice.batching.Caller;
import io.sluice.batching.Deadlines;
import io.sluice.batching.Engine;
import io.sluice.batching.EngineSettings;
import io.sluice.batching.EngineStats.Speculated;
import io.sluice.batching.GenerationRequest;
import io.sluice.batching.PrefixScope;
import io.sluice.batching.SamplingParams;
import io.sluice.batching.SpeculationSettings;
import io.sluice.batching.SpeculationSettings.Kind;
import io.sluice.batching.TokenStream;
import io.sluice.device.Device;
import io.sluice.device.RunnerSettings;
import io.sluice.device.RunnerSettings.Dtype;
import io.sluice.device.RunnerSettings.Gemm;
import io.sluice.modelstore.ModelFiles;
import io.sluice.modelstore.ModelStore;
import io.sluice.modelstore.Tokenizer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/// What guessed tokens bring: tokens per second of 1 and 8 streams, with guesses and without, in turns, on text that
/// repeats itself and on text that does not. The answers are compared, too: guesses may change none.
///
/// Arguments: the model, the tokens per answer (128), rounds (5), threads (all processors), a draft model (none:
/// n-grams).
final class SpeculationEffect {
    private static final int STREAMS_MAX = 8;
    private static final int TOKENS_MAX = 4;
    private static final EngineSettings PLAIN = new EngineSettings(64, false, 256);

    private SpeculationEffect() {}

    /// What a run of all streams came to.
    private record Run(double tokensPerSecond, List<String> answers, Speculated speculated) {}

    @SuppressWarnings("SystemOut") // a command-line tool
    public static void main(String[] arguments) throws Exception {
        int tokens = arguments.length > 1 ? Integer.parseInt(arguments[1]) : 128;
        int rounds = arguments.length > 2 ? Integer.parseInt(arguments[2]) : 5;
        int threads = arguments.length > 3
                ? Integer.parseInt(arguments[3])
                : Runtime.getRuntime().availableProcessors();
        try (ModelFiles model = ModelStore.open(Path.of(arguments[0]));
                ModelFiles draft = arguments.length > 4 ? ModelStore.open(Path.of(arguments[4])) : null;
                Engine without = Engine.start("plain", PLAIN, Device.runner(model, settings(threads)));
                Engine with = draft == null
                        ? Engine.start("guessing", guessing(Kind.NGRAM), Device.runner(model, settings(threads)))
                        : Engine.startWithDraft(
                                "guessing",
                                guessing(Kind.DRAFT),
                                Device.runner(model, settings(threads)),
                                Device.runner(draft, settings(threads)))) {
            System.out.printf(
                    "%s, %s, %d tokens per answer, medians of %d rounds in turns, %d threads%n",
                    model.name(), draft == null ? "n-grams" : "draft " + draft.name(), tokens, rounds, threads);
            System.out.println(
                    "| text | streams | tokens/s without | with | ratio (least to most) | guessed | right | answers |");
            System.out.println("|---|---|---|---|---|---|---|---|");
            for (boolean repeats : new boolean[] {true, false}) {
                for (int streams : new int[] {1, STREAMS_MAX}) {
                    List<int[]> prompts = prompts(model.tokenizer(), repeats).subList(0, streams);
                    System.out.println(line(without, with, prompts, tokens, rounds, repeats));
                }
            }
        }
    }

    private static EngineSettings guessing(Kind kind) {
        return PLAIN.with(new SpeculationSettings(kind, TOKENS_MAX));
    }

    private static RunnerSettings settings(int threads) {
        return new RunnerSettings(
                Dtype.BFLOAT16, Dtype.BFLOAT16, 1L << 28, 0, 16, 1024, 32, 512, true, true, Gemm.KERNELS, threads);
    }

    private static String line(
            Engine without, Engine with, List<int[]> prompts, int tokens, int rounds, boolean repeats)
            throws InterruptedException {
        run(without, prompts, tokens); // warms up, and lets the engine know its steps
        run(with, prompts, tokens);
        double[] plain = new double[rounds];
        double[] guessed = new double[rounds];
        double[] ratios = new double[rounds];
        boolean same = true;
        Speculated before = with.stats().speculated();
        for (int round = 0; round < rounds; round++) {
            Run one = run(without, prompts, tokens);
            Run other = run(with, prompts, tokens);
            plain[round] = one.tokensPerSecond;
            guessed[round] = other.tokensPerSecond;
            ratios[round] = other.tokensPerSecond / one.tokensPerSecond;
            same &= one.answers.equals(other.answers);
        }
        Speculated after = with.stats().speculated();
        Arrays.sort(ratios);
        return "| %s | %d | %.1f | %.1f | %.2f (%.2f to %.2f) | %d | %d | %s |"
                .formatted(
                        repeats ? "repeats itself" : "does not",
                        prompts.size(),
                        median(plain),
                        median(guessed),
                        median(ratios),
                        ratios[0],
                        ratios[rounds - 1],
                        after.proposed() - before.proposed(),
                        after.accepted() - before.accepted(),
                        same ? "the same" : "DIFFERENT");
    }

    private static double median(double[] numbers) {
        double[] sorted = numbers.clone();
        Arrays.sort(sorted);
        return sorted[sorted.length / 2];
    }

    private static Run run(Engine engine, List<int[]> prompts, int tokens) throws InterruptedException {
        long startNs = System.nanoTime();
        List<TokenStream> streams = new ArrayList<>();
        for (int[] prompt : prompts) streams.add(submit(engine, prompt, tokens));
        List<String> answers = new ArrayList<>();
        for (TokenStream stream : streams) answers.add(read(stream));
        double seconds = (System.nanoTime() - startNs) / 1e9;
        return new Run(
                prompts.size() * tokens / seconds, answers, engine.stats().speculated());
    }

    /// Lists of which the next entry follows from those before, or beginnings of different stories; greedy
    /// answers of small models repeat themselves all the same, so what does not repeat is drawn at a high
    /// temperature.
    private static List<int[]> prompts(Tokenizer tokenizer, boolean repeats) {
        List<int[]> prompts = new ArrayList<>();
        for (int i = 0; i < STREAMS_MAX; i++) {
            String list = ("item " + i + ": red, green, blue; done.\n").repeat(12);
            String story = "Chapter " + (i + 1) + ". The weather had turned, and nobody on the ship knew why the";
            prompts.add(tokenizer.encode(repeats ? list : story));
        }
        return prompts;
    }

    private static TokenStream submit(Engine engine, int[] prompt, int tokens) {
        boolean isList = prompt.length > 60;
        var sampling = isList ? SamplingParams.GREEDY : hot(prompt[prompt.length / 2]);
        var request = new GenerationRequest(
                "request",
                prompt,
                tokens,
                1,
                sampling,
                new int[0],
                Caller.ANONYMOUS,
                PrefixScope.of(0),
                Deadlines.NONE);
        Admission answer = engine.submit(request);
        if (answer instanceof Admission.Admitted(var streams, var _)) return streams.getFirst();
        throw new AssertionError(answer);
    }

    private static SamplingParams hot(long seed) {
        return new SamplingParams(1.2f, 1f, 0, 0f, seed, 0f, 0f, 1f, 0, Map.of(), SamplingParams.NO_LOGPROBS);
    }

    private static String read(TokenStream stream) throws InterruptedException {
        while (stream.ending().isEmpty()) stream.await(stream.count(), Duration.ofSeconds(1));
        int[] tokens = new int[stream.count()];
        for (int i = 0; i < tokens.length; i++) tokens[i] = stream.token(i);
        return Arrays.toString(tokens);
    }
}
