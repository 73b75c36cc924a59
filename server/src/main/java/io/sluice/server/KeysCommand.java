package io.sluice.server;

import io.sluice.server.policy.ApiKey;
import io.sluice.server.policy.KeyFile;
import io.sluice.server.policy.KeySecret;
import io.sluice.server.policy.KeyStore;
import io.sluice.server.policy.PolicyFields;
import io.sluice.server.quota.QuotaLimits;
import io.sluice.server.settings.ConfigText;
import io.sluice.server.settings.Kind;
import io.sluice.server.settings.SettingsException;
import io.sluice.server.settings.SettingsSource;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.Comparator;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/// Makes, shows and revokes API keys: changes the file, not a running server, which reads it at its next reload.
@Command(
        name = "keys",
        description = "Makes, shows and revokes API keys.",
        mixinStandardHelpOptions = true,
        subcommands = {KeysCommand.Create.class, KeysCommand.Listing.class, KeysCommand.Revoke.class},
        footer = {
            "",
            "Examples:",
            "  ./sluice keys create --tenant acme",
            "  ./sluice keys create --tenant acme --expires 90d --requests-per-minute 600",
            "  ./sluice keys create --admin",
            "  ./sluice keys list",
            "  ./sluice keys revoke k3v9q0a1zt"
        })
final class KeysCommand implements Runnable {
    private static final int FAILED = 1;

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private CommandSpec spec;

    @Override
    public void run() {
        spec.commandLine().usage(spec.commandLine().getOut());
    }

    /// Where the keys are, for every one of these commands.
    abstract static class OfFile implements Callable<Integer> {
        private static final String USUAL_FILE = "sluice.keys";

        @Option(
                names = "--file",
                paramLabel = "FILE",
                description = "The file of keys. Default: the api-keys-file of the environment or of --config; else "
                        + USUAL_FILE + ".")
        private @Nullable Path file;

        @Option(names = "--config", paramLabel = "FILE", description = "The server's YAML file.")
        private @Nullable Path config;

        @Spec
        @SuppressWarnings("NullAway.Init") // picocli sets it
        CommandSpec spec;

        @Override
        public Integer call() {
            try {
                run(file());
                return 0;
            } catch (SettingsException e) {
                PrintWriter err = spec.commandLine().getErr();
                err.println(Ansi.AUTO.string("@|bold,red error:|@ ") + e.getMessage());
                err.flush();
                return FAILED;
            }
        }

        abstract void run(Path keys);

        private Path file() {
            if (file != null) return file;
            Map<String, String> environment = System.getenv();
            Optional<ConfigText> text = Optional.ofNullable(config)
                    .or(() -> Optional.ofNullable(environment.get("SLUICE_CONFIG"))
                            .map(Path::of))
                    .map(ConfigText.FromFile::new);
            return Path.of(new SettingsSource(Map.of(), text, environment)
                    .given("api-keys-file")
                    .orElse(USUAL_FILE));
        }

        /// For people: scripts read standard output.
        void remark(String line) {
            PrintWriter err = spec.commandLine().getErr();
            err.println(line);
            err.flush();
        }

        void print(String line) {
            PrintWriter out = spec.commandLine().getOut();
            out.println(line);
            out.flush();
        }
    }

    /// Makes a key and prints its secret.
    @Command(
            name = "create",
            description = "Makes a key, adds it to the file, and prints its secret: it is kept nowhere.",
            mixinStandardHelpOptions = true)
    static final class Create extends OfFile {
        @Option(names = "--tenant", paramLabel = "NAME", description = "Whose requests the key sends.")
        private @Nullable String tenant;

        @Option(names = "--admin", description = "The key opens the admin routes; it needs no tenant then.")
        private boolean admin;

        @Option(
                names = "--expires",
                paramLabel = "TIME",
                description = "Accept it for so long (90d, 12h), or until a day (2027-01-31). Default: for ever.")
        private @Nullable String expires;

        @Option(names = "--requests-per-minute", paramLabel = "N", description = "Limit of this key alone.")
        private int requestsPerMinute = QuotaLimits.UNLIMITED;

        @Option(names = "--tokens-per-minute", paramLabel = "N", description = "Limit of this key alone.")
        private int tokensPerMinute = QuotaLimits.UNLIMITED;

        @Override
        void run(Path keys) {
            if (tenant == null && !admin) {
                throw wrong("whose key is it to be? give --tenant NAME, or --admin");
            }
            Instant now = Instant.now();
            KeySecret secret;
            try {
                QuotaLimits limits = new QuotaLimits(requestsPerMinute, tokensPerMinute, QuotaLimits.UNLIMITED);
                secret = new KeyStore(keys)
                        .create(
                                new KeyStore.Wish(
                                        Optional.ofNullable(tenant),
                                        Optional.ofNullable(expires).map(text -> moment(text, now)),
                                        limits,
                                        admin),
                                now);
            } catch (IllegalArgumentException e) {
                throw wrong(String.valueOf(e.getMessage()));
            }
            print(secret.text());
            remark("Key " + secret.id() + " is in " + keys.toAbsolutePath()
                    + ". Its secret, above, is shown this once.");
            remark("A server started with --api-keys-file " + keys + " takes it; a running one at its next reload"
                    + " (kill -HUP PID, or POST /admin/policy/reload).");
        }

        private Instant moment(String text, Instant now) {
            try {
                return text.matches("\\d{4}-\\d\\d-\\d\\d")
                        ? LocalDate.parse(text).atStartOfDay().toInstant(ZoneOffset.UTC)
                        : now.plus(new Kind.Span().parse(text));
            } catch (DateTimeException | IllegalArgumentException e) {
                throw wrong("--expires must be a time such as 90d or 12h, or a day such as 2027-01-31, got \"" + text
                        + "\"");
            }
        }

        private ParameterException wrong(String problem) {
            return new ParameterException(spec.commandLine(), problem);
        }
    }

    /// Shows all keys, without their secrets, which nobody has.
    @Command(name = "list", description = "Shows the keys of the file.", mixinStandardHelpOptions = true)
    static final class Listing extends OfFile {
        @Override
        void run(Path keys) {
            Instant now = Instant.now();
            KeyFile.read(keys).keys().stream()
                    .sorted(Comparator.comparing(ApiKey::created).thenComparing(ApiKey::id))
                    .forEach(key -> print(line(key, now)));
        }

        private static String line(ApiKey key, Instant now) {
            StringBuilder line = new StringBuilder(key.id());
            PolicyFields.of(key).forEach((name, value) -> {
                if (!name.equals("hash"))
                    line.append("  ").append(name).append('=').append(value);
            });
            boolean expired = key.expires().filter(time -> !now.isBefore(time)).isPresent();
            return line.append(expired ? "  (expired)" : "").toString();
        }
    }

    /// Takes a key away.
    @Command(
            name = "revoke",
            description = "Takes a key away. At the server's next reload its streams end with an error.",
            mixinStandardHelpOptions = true)
    static final class Revoke extends OfFile {
        @Parameters(paramLabel = "ID", description = "The key's public part, as `sluice keys list` shows it.")
        @SuppressWarnings("NullAway.Init") // picocli sets it
        private String id;

        @Override
        void run(Path keys) {
            ApiKey key = new KeyStore(keys).revoke(id, Instant.now());
            remark("Key " + key.id()
                    + key.tenant().map(name -> " of tenant " + name).orElse("")
                    + " is revoked. A running server forgets it at its next reload (kill -HUP PID, or POST"
                    + " /admin/policy/reload).");
        }
    }
}
