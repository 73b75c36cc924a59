package io.sluice.benchmarks.traffic;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/// What a replay and a report are asked with alike. Main thread.
final class SimulateOptions {
    /// The launcher says which commit it built.
    private static final String COMMIT = "sluice.commit";

    @Option(
            names = "--gpu",
            paramLabel = "NAME",
            defaultValue = "h100",
            description = "h100, h200 or cpu. Default: ${DEFAULT-VALUE}.")
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private String gpu;

    @Option(
            names = "--model",
            paramLabel = "NAME",
            defaultValue = "llama-3.1-8b",
            description = "llama-3.1-8b, qwen3-8b or smollm2-135m. Default: ${DEFAULT-VALUE}.")
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private String model;

    @Option(
            names = "--step-log",
            paramLabel = "FILE",
            description =
                    "Instead of --gpu and --model: the device, the model and the memory of a server that wrote this"
                            + " with its own --step-log.")
    private @Nullable Path stepLog;

    @Option(
            names = "--max-num-seqs",
            paramLabel = "N",
            defaultValue = "" + DeviceModel.SEQUENCES_MAX,
            description = "The most sequences of a step. Default: ${DEFAULT-VALUE}.")
    private int sequencesMax;

    @Option(
            names = "--max-num-batched-tokens",
            paramLabel = "N",
            defaultValue = "" + DeviceModel.STEP_TOKENS_MAX,
            description = "The most tokens of a step. Default: ${DEFAULT-VALUE}.")
    private int stepTokensMax;

    @Option(
            names = "--span",
            paramLabel = "TIME",
            description = "Only the requests of so much of the trace's own time, such as 90s, 10m or 1h.")
    private @Nullable String span;

    @Option(
            names = "--seed",
            paramLabel = "N",
            defaultValue = "1",
            description = "Decides tenants, classes and tokens. Default: ${DEFAULT-VALUE}.")
    private long seed;

    Setup setup(SimulateArguments arguments) {
        DeviceModel device = stepLog != null
                ? arguments.calibrated(stepLog)
                : arguments.device(gpu, model, sequencesMax, stepTokensMax);
        return new Setup(System.getProperty(COMMIT, "unknown"), seed, device);
    }

    /// The part of the trace that was asked for, with requests of one tick spread.
    Trace shortened(Trace trace, SimulateArguments arguments) {
        Trace spread = trace.spread(seed);
        return span == null ? spread : spread.first(arguments.duration("--span", span));
    }
}
