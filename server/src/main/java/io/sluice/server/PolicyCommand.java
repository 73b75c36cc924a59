package io.sluice.server;

import io.sluice.server.policy.KeyFile;
import io.sluice.server.policy.KeyRing;
import io.sluice.server.policy.Policy;
import io.sluice.server.policy.PolicyFile;
import io.sluice.server.settings.ConfigText;
import io.sluice.server.settings.ServerSettings;
import io.sluice.server.settings.SettingsException;
import io.sluice.server.settings.SettingsSource;
import java.io.IOException;
import java.io.PrintWriter;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/// Looks at a policy before it is put in force.
@Command(
        name = "policy",
        description = "Checks a policy before it is put in force.",
        mixinStandardHelpOptions = true,
        subcommands = PolicyCommand.Check.class,
        footer = {
            "",
            "Examples:",
            "  ./sluice policy check --config sluice.yaml                              is it valid?",
            "  ./sluice policy check --config sluice.yaml --url http://127.0.0.1:8001  what would it change there?"
        })
final class PolicyCommand implements Runnable {
    private static final int FAILED = 1;

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private CommandSpec spec;

    @Override
    public void run() {
        spec.commandLine().usage(spec.commandLine().getOut());
    }

    /// Says whether a file is valid, and what it would change on a running server.
    @Command(
            name = "check",
            description = {
                "Checks settings, policy and keys of a file.",
                "With --url, also asks a running server what a reload would change there if this file were in its"
                        + " place; nothing is changed. The key file is the server's own."
            },
            mixinStandardHelpOptions = true)
    static final class Check implements Callable<Integer> {
        @Option(names = "--config", paramLabel = "FILE", required = true, description = "The YAML file to check.")
        @SuppressWarnings("NullAway.Init") // picocli sets it
        private Path config;

        @Option(names = "--url", paramLabel = "URL", description = "The admin address of a running server.")
        private @Nullable URI url;

        @Option(
                names = "--key",
                paramLabel = "KEY",
                description = "An admin key, if the server needs one. Default: $$SLUICE_API_KEY.")
        private @Nullable String key = System.getenv("SLUICE_API_KEY");

        @Spec
        @SuppressWarnings("NullAway.Init") // picocli sets it
        private CommandSpec spec;

        @Override
        public Integer call() throws InterruptedException {
            try {
                print(config + ": " + check());
                if (url != null) changes(url);
                return 0;
            } catch (SettingsException e) {
                return fail(String.valueOf(e.getMessage()));
            } catch (AdminClient.Refused e) {
                return fail("the server at " + url + " refused: " + e.getMessage());
            } catch (IOException e) {
                return fail("the server at " + url + " cannot be asked: " + e);
            }
        }

        private String check() {
            ConfigText text = new ConfigText.FromFile(config);
            ServerSettings settings = new SettingsSource(Map.of(), Optional.of(text), System.getenv()).settings();
            Policy policy = PolicyFile.read(text);
            Optional<KeyRing> keys = settings.access().keysFile().map(KeyFile::read);
            return "valid: " + policy.classes().size() + " classes, "
                    + Amounts.count(policy.tenants().size()) + " tenants, "
                    + policy.sharedPrefixes().size() + " shared prefixes, "
                    + keys.map(ring -> Amounts.count(ring.keys().size()) + " keys")
                            .orElse("no keys needed");
        }

        private void changes(URI server) throws IOException, InterruptedException {
            Map<String, Object> answer;
            try (AdminClient client = new AdminClient(server, key)) {
                answer = client.dryRun(Files.readAllBytes(config));
            }
            int shown = lines(answer.get("changes"), "");
            long total = answer.get("changes_total") instanceof Long count ? count : shown;
            if (total > shown) print("... and " + Amounts.count(total - shown) + " more");
            lines(answer.get("needs_restart"), "needs a restart, would not be applied: ");
            if (answer.get("revoked_keys") instanceof List<?> revoked && !revoked.isEmpty()) {
                print("streams of these keys would end: "
                        + String.join(
                                ", ", revoked.stream().map(String::valueOf).toList()));
            }
            if (total == 0) print("A reload would change nothing at " + server + ".");
        }

        private int lines(@Nullable Object changes, String before) {
            if (!(changes instanceof List<?> list)) return 0;
            for (Object one : list) {
                if (one instanceof Map<?, ?> change) {
                    print(before + change.get("path") + ": " + orNone(change.get("from")) + " -> "
                            + orNone(change.get("to")));
                }
            }
            return list.size();
        }

        private static Object orNone(@Nullable Object value) {
            return value == null ? "(none)" : value;
        }

        private void print(String line) {
            PrintWriter out = spec.commandLine().getOut();
            out.println(line);
            out.flush();
        }

        private int fail(String problem) {
            PrintWriter err = spec.commandLine().getErr();
            err.println(Ansi.AUTO.string("@|bold,red error:|@ ") + problem);
            err.flush();
            return FAILED;
        }
    }
}
