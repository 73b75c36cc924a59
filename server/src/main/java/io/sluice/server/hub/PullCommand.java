package io.sluice.server.hub;

import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/// Fetches a model from the Hugging Face Hub into its usual cache. Main thread.
@Command(
        name = "pull",
        description = {
            "Fetches a model from the Hugging Face Hub, or a mirror of it, into the cache that other tools use too.",
            "HF_ENDPOINT, HF_TOKEN, HF_HOME, HF_HUB_CACHE and HF_HUB_OFFLINE mean what they mean there."
        },
        mixinStandardHelpOptions = true,
        footer = {
            "",
            "Examples:",
            "  sluice pull Qwen/Qwen3-0.6B",
            "  sluice pull Qwen/Qwen3-0.6B@main",
            "  sluice pull unsloth/Qwen3-0.6B-GGUF:Q4_K_M      one GGUF file of several",
            "  HF_ENDPOINT=https://hub.example.com sluice pull Qwen/Qwen3-0.6B"
        })
public final class PullCommand implements Callable<Integer> {
    private static final int FAILED = 1;

    @Parameters(paramLabel = "ORG/NAME[@REVISION][:FILE]", description = "The model.")
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private String model;

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private CommandSpec spec;

    @Override
    public Integer call() throws InterruptedException {
        ModelName name = ModelName.parse(model)
                .orElseThrow(() -> new ParameterException(
                        spec.commandLine(), "\"" + model + "\" is no name of a model: they look like org/name"));
        PrintWriter err = spec.commandLine().getErr();
        try {
            HubSettings settings = HubSettings.of(System.getenv(), Path.of(System.getProperty("user.home")));
            Path path = HubModels.inTerminal(settings, err).pull(name);
            spec.commandLine().getOut().println(path);
            return 0;
        } catch (PullFailed e) {
            err.println(Ansi.AUTO.string("@|bold,red error:|@ ") + e.getMessage());
            return FAILED;
        }
    }
}
