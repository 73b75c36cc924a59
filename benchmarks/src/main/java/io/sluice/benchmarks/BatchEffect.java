package io.sluice.benchmarks;

import io.sluice.batching.Admission;
import io.sluice.batching.Caller;
import io.sluice.batching.Deadlines;
import io.sluice.batching.Engine;
import io.sluice.batching.EngineSettings;
import io.sluice.batching.GenerationRequest;
import io.sluice.batching.PrefixScope;
import io.sluice.batching.SamplingParams;
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

/// How often greedy tokens change when a prompt is not alone: 32 prompts one by one, then all at once, on each way to
/// multiply. A continuation that changed one token goes on differently, so its first change is what counts.
///
/// Arguments: the model, the tokens per prompt (64), the number of threads (all processors).
final class BatchEffect {
    private static final int PROMPTS = 32;

    private BatchEffect() {}

    @SuppressWarnings("SystemOut") // a command-line tool
    public static void main(String[] arguments) throws Exception {
        int tokens = arguments.length > 1 ? Integer.parseInt(arguments[1]) : 64;
        int processors = Runtime.getRuntime().availableProcessors();
        int threads = arguments.length > 2 ? Integer.parseInt(arguments[2]) : processors;
        try (ModelFiles model = ModelStore.open(Path.of(arguments[0]))) {
            List<int[]> prompts = prompts(model.tokenizer());
            System.out.printf(
                    "%d prompts, %d greedy tokens each, %s, %d threads%n", PROMPTS, tokens, model.name(), threads);
            System.out.println(
                    "| products | format | deterministic | changed in a batch | tokens before the first change |");
            System.out.println("|---|---|---|---|---|");
            for (Gemm gemm : new Gemm[] {Gemm.KERNELS, Gemm.LIBTORCH}) {
                for (boolean deterministic : new boolean[] {false, true}) {
                    System.out.println(line(model, prompts, tokens, threads, gemm, Dtype.BFLOAT16, deterministic));
                }
                System.out.println(line(model, prompts, tokens, threads, gemm, Dtype.FLOAT32, false));
            }
        }
    }

    private static String line(
            ModelFiles model,
            List<int[]> prompts,
            int tokens,
            int threads,
            Gemm gemm,
            Dtype dtype,
            boolean deterministic)
            throws InterruptedException {
        RunnerSettings settings = new RunnerSettings(
                dtype, dtype, 1L << 30, 0, 16, 1024, PROMPTS, 512, true, deterministic, gemm, threads);
        var engineSettings = new EngineSettings(PROMPTS, false, 256);
        try (Engine engine = Engine.start("batch-effect", engineSettings, Device.runner(model, settings))) {
            List<int[]> alone = new ArrayList<>();
            for (int[] prompt : prompts) alone.add(read(submit(engine, prompt, tokens)));
            List<TokenStream> streams = new ArrayList<>();
            for (int[] prompt : prompts) streams.add(submit(engine, prompt, tokens));
            List<Integer> changes = new ArrayList<>();
            for (int i = 0; i < PROMPTS; i++) {
                int at = Arrays.mismatch(alone.get(i), read(streams.get(i)));
                if (at >= 0) changes.add(at);
            }
            return "| %s | %s | %b | %d of %d | %s |"
                    .formatted(gemm, dtype, deterministic, changes.size(), PROMPTS, changes);
        }
    }

    /// Of different lengths.
    private static List<int[]> prompts(Tokenizer tokenizer) {
        List<int[]> prompts = new ArrayList<>();
        for (int i = 0; i < PROMPTS; i++) {
            String before = "The weather was fine that day, and the river ran high. ".repeat(i % 5);
            String[] beginnings = {"Once upon a time", "The capital of", "To bake bread you", "A prime number is"};
            prompts.add(tokenizer.encode(before + "Chapter " + (i + 1) + ". " + beginnings[i % beginnings.length]));
        }
        return prompts;
    }

    private static TokenStream submit(Engine engine, int[] prompt, int tokens) {
        var request = new GenerationRequest(
                "request",
                prompt,
                tokens,
                1,
                SamplingParams.GREEDY,
                new int[0],
                Caller.ANONYMOUS,
                PrefixScope.of(0),
                Deadlines.NONE);
        Admission answer = engine.submit(request);
        if (answer instanceof Admission.Admitted(var streams, var _)) return streams.getFirst();
        throw new AssertionError(answer);
    }

    private static int[] read(TokenStream stream) throws InterruptedException {
        while (stream.ending().isEmpty()) stream.await(stream.count(), Duration.ofSeconds(1));
        int[] tokens = new int[stream.count()];
        for (int i = 0; i < tokens.length; i++) tokens[i] = stream.token(i);
        return tokens;
    }
}
