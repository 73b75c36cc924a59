package io.sluice.server;

import io.sluice.server.hub.ModelsCommand;
import io.sluice.server.hub.PullCommand;
import java.io.OutputStreamWriter;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;

/// The command line: `serve`, `chat`, `pull`, `models`, `keys`, `policy`, `version`; `simulate` and `bench` are the
/// launcher's. Exit codes: 0 as asked, 1 failed, 2 asked wrongly.
public final class SluiceCommand {
    /// Examples are lines to copy: they must not be wrapped.
    private static final int HELP_WIDTH = 110;

    private SluiceCommand() {}

    public static void main(String[] arguments) {
        CommandLine commands = commandLine();
        // Answers are in any language; terminals and pipes of today take UTF-8.
        commands.setOut(new PrintWriter(new OutputStreamWriter(System.out, StandardCharsets.UTF_8), true));
        int exitCode = commands.execute(arguments);
        // A server that ends by itself leaves no threads behind worth waiting for.
        System.exit(exitCode);
    }

    static CommandLine commandLine() {
        CommandSpec spec = CommandSpec.create()
                .name("sluice")
                .addSubcommand("serve", ServeCommand.commandLine())
                .addSubcommand("chat", new CommandLine(new ChatCommand()))
                .addSubcommand("pull", new CommandLine(new PullCommand()))
                .addSubcommand("models", new CommandLine(new ModelsCommand()))
                .addSubcommand(
                        "simulate", MeasuringElsewhere.commandLine("Replays a request trace on a simulated device."))
                .addSubcommand("bench", MeasuringElsewhere.commandLine("Measures a running server under load."))
                .addSubcommand("keys", new CommandLine(new KeysCommand()))
                .addSubcommand("audit", new CommandLine(new AuditCommand()))
                .addSubcommand("usage", new CommandLine(new AuditCommand.Usage()))
                .addSubcommand("policy", new CommandLine(new PolicyCommand()))
                .addSubcommand("version", new CommandLine(new VersionCommand()));
        spec.mixinStandardHelpOptions(true).version("Sluice " + Version.TEXT);
        spec.subcommands().values().forEach(command -> command.getCommandSpec().version(spec.version()));
        spec.usageMessage()
                .description("Serves a large language model to many clients, over OpenAI's HTTP API.")
                .footer(
                        "",
                        "Examples:",
                        "  ./sluice serve                                  the small model that comes with Sluice",
                        "  ./sluice serve --model ./my-model.gguf          a GGUF file, or a Hugging Face folder",
                        "  ./sluice serve --config sluice.yaml --port 9000",
                        "  ./sluice serve --model Qwen/Qwen3-0.6B          fetched from the Hugging Face Hub first",
                        "  ./sluice pull Qwen/Qwen3-0.6B                   fetched, and no more; sluice models lists",
                        "  ./sluice chat                                   talk to the server in this terminal",
                        "  ./sluice simulate --trace requests.csv          what a trace would get, without a GPU",
                        "  ./sluice bench serve --url http://localhost:8000",
                        "  ./sluice keys create --tenant acme              an API key, for a server with --api-keys-file",
                        "  ./sluice serve --help                           every setting");
        CommandLine commands = new CommandLine(spec);
        commands.setUsageHelpWidth(HELP_WIDTH);
        commands.setExecutionStrategy(result -> {
            if (result.isUsageHelpRequested() || result.isVersionHelpRequested() || result.hasSubcommand()) {
                return new CommandLine.RunLast().execute(result);
            }
            commands.usage(commands.getOut());
            return 0;
        });
        CommandErrors.install(commands);
        return commands;
    }
}
