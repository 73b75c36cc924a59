package io.sluice.server;

import io.sluice.batching.ModelRunner;
import io.sluice.device.DeviceUnavailable;
import io.sluice.device.NotEnoughMemory;
import io.sluice.device.TorchFailed;
import io.sluice.device.UnsupportedModel;
import io.sluice.modelstore.ModelFileException;
import io.sluice.server.audit.AuditUnusable;
import io.sluice.server.generation.ServedModel;
import io.sluice.server.http.JsonOut;
import io.sluice.server.hub.PullFailed;
import io.sluice.server.policy.KeyRing;
import io.sluice.server.settings.ServerSettings;
import io.sluice.server.settings.SettingsException;
import io.sluice.server.settings.SettingsFlags;
import io.sluice.server.settings.SettingsSource;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.function.UnaryOperator;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/// Serves until it is told to stop, or until the engine cannot go on.
@Command(
        name = "serve",
        description = {
            "Loads a model and serves it over OpenAI's HTTP API.",
            "Every option is also a key of the YAML file (--config) and an environment variable:"
                    + " --max-model-len is max-model-len and SLUICE_MAX_MODEL_LEN. Flags win over environment"
                    + " variables, those over the file, that over defaults."
        },
        mixinStandardHelpOptions = true,
        sortOptions = false,
        footer = {
            "",
            "Examples:",
            "  sluice serve",
            "  sluice serve --model ./SmolLM2-135M-Instruct.gguf --served-model-name smollm2 --port 9000",
            "  sluice serve --model Qwen/Qwen3-0.6B",
            "  sluice serve --config sluice.yaml",
            "  SLUICE_PORT=9000 sluice serve"
        })
final class ServeCommand implements Callable<Integer> {
    private static final int FAILED = 1;
    private static final int ASKED_WRONGLY = 2;

    /// How often the engine is asked whether its step has been computing for too long.
    private static final Duration PULSE = Duration.ofMillis(500);

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private CommandSpec spec;

    private final UnaryOperator<ModelRunner.Factory> aroundRunner;
    private volatile boolean stopping;

    private ServeCommand(UnaryOperator<ModelRunner.Factory> aroundRunner) {
        this.aroundRunner = aroundRunner;
    }

    /// The command with an option for each setting.
    static CommandLine commandLine() {
        return commandLine(UnaryOperator.identity());
    }

    /// The same with something between the engine and its runner: trouble, in tests.
    static CommandLine commandLine(UnaryOperator<ModelRunner.Factory> aroundRunner) {
        CommandLine command = new CommandLine(new ServeCommand(aroundRunner));
        SettingsFlags.addTo(command.getCommandSpec());
        return command;
    }

    @Override
    public Integer call() throws InterruptedException {
        long startNs = System.nanoTime();
        ServerAssembly assembly;
        try {
            SettingsSource source = SettingsFlags.source(spec.commandLine().getParseResult(), System.getenv());
            ServerSettings settings = source.settings();
            LogFormat.install(settings.lifecycle().logFormat());
            say("Sluice " + Version.TEXT);
            assembly = ServerAssembly.start(
                    source,
                    settings,
                    this::say,
                    runners -> runners.stream().map(aroundRunner).toList());
            ReloadSignal.install(assembly::reload);
            announce(assembly, settings, startNs);
        } catch (SettingsException e) {
            return fail(e, ASKED_WRONGLY);
        } catch (ModelFileException
                | PullFailed
                | AuditUnusable
                | NotEnoughMemory
                | DeviceUnavailable
                | UnsupportedModel
                | TorchFailed
                | Listener.ListenFailed e) {
            return fail(e, FAILED);
        }
        return serve(assembly);
    }

    private int serve(ServerAssembly assembly) throws InterruptedException {
        Thread stop = new Thread(() -> stop(assembly), "stop");
        Runtime.getRuntime().addShutdownHook(stop);
        StuckStepLog log = new StuckStepLog(assembly.health());
        while (!assembly.awaitEnd(PULSE)) log.look();
        if (stopping) Thread.sleep(Duration.ofDays(1)); // the process ends when the other thread is done
        Runtime.getRuntime().removeShutdownHook(stop);
        complain("the engine has stopped; the log says why. Ending, so that the server can be started anew");
        assembly.close();
        return FAILED;
    }

    /// On SIGTERM or Ctrl-C. The process ends with 0: it did what it was told.
    private void stop(ServerAssembly assembly) {
        stopping = true;
        int exitCode = 0;
        try {
            SecondSignal.onNext(this::stopAtOnce);
            int open = assembly.openCount();
            say(
                    open == 0
                            ? "Stopping."
                            : "Stopping: " + open + " under way, given "
                                    + assembly.drainTimeout().toSeconds()
                                    + " s to finish. Stop again to end at once.");
            if (!assembly.drain()) say("Out of time: what is left ends with an error event.");
            assembly.close();
        } catch (InterruptedException | RuntimeException e) {
            complain("while stopping: " + e);
            exitCode = FAILED;
        }
        // A hook cannot choose the exit code otherwise, and the JVM's own would be 143.
        Runtime.getRuntime().halt(exitCode);
    }

    private void stopAtOnce(int exitCode) {
        say("Stopping at once: what is under way is broken off.");
        Runtime.getRuntime().halt(exitCode);
    }

    private void announce(ServerAssembly assembly, ServerSettings settings, long startNs) {
        ServedModel model = assembly.served();
        Optional<KeyRing> keys = assembly.policy().keys();
        say("Ready     after %.1f s; metrics at %s/metrics"
                .formatted((System.nanoTime() - startNs) / 1e9, assembly.url()));
        say("Serving   \"" + model.name() + "\" at " + assembly.url() + " (" + forWhom(keys, settings) + ")");
        assembly.adminUrl()
                .ifPresent(url -> say("Admin     " + url + "/admin/queue"
                        + (keys.isPresent() ? " (for admin keys)" : " (this machine only)")));
        say("Try       " + curl(assembly.url(), model, keys.isPresent()));
    }

    private static String forWhom(Optional<KeyRing> keys, ServerSettings settings) {
        if (keys.isPresent()) {
            return "for the " + Amounts.count(keys.get().keys().size()) + " API keys of "
                    + settings.access().keysFile().orElseThrow();
        }
        String host = settings.http().host();
        return host.startsWith("127.") || host.equals("localhost") || host.equals("::1")
                ? "this machine only: there are no API keys; `./sluice keys create` makes one"
                : "whoever reaches " + host + " can use it: there are no API keys";
    }

    /// A command that works as it stands.
    private static String curl(String url, ServedModel model, boolean needsKey) {
        String name = new JsonOut().string(model.name()).toString().replace("'", "'\\''");
        boolean chat = model.chatTemplate().isPresent();
        String body = "{\"model\":" + name
                + (chat
                        ? ",\"messages\":[{\"role\":\"user\",\"content\":\"Hello! Who are you?\"}],\"stream\":true}"
                        : ",\"prompt\":\"Once upon a time\",\"max_tokens\":50,\"stream\":true}");
        return "curl -N " + url + (chat ? "/v1/chat/completions" : "/v1/completions")
                + (needsKey ? " -H \"Authorization: Bearer $SLUICE_API_KEY\"" : "")
                + " -H 'Content-Type: application/json' -d '" + body + "'";
    }

    private void say(String line) {
        PrintWriter out = spec.commandLine().getOut();
        out.println(line);
        out.flush();
    }

    private int fail(Exception e, int exitCode) {
        complain(String.valueOf(e.getMessage()));
        return exitCode;
    }

    private void complain(String problem) {
        PrintWriter err = spec.commandLine().getErr();
        err.println(Ansi.AUTO.string("@|bold,red error:|@ ") + problem);
        err.flush();
    }
}
