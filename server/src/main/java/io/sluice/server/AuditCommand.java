package io.sluice.server;

import io.sluice.server.audit.AuditKey;
import io.sluice.server.audit.AuditUnusable;
import io.sluice.server.audit.AuditVerification;
import io.sluice.server.audit.UsageTable;
import io.sluice.server.openai.Json;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.YearMonth;
import java.time.ZoneOffset;
import java.time.format.DateTimeParseException;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;
import picocli.CommandLine.TypeConversionException;

/// Looks at audit logs.
@Command(
        name = "audit",
        description = "Looks at the audit log that a server keeps with --audit-dir.",
        mixinStandardHelpOptions = true,
        subcommands = {AuditCommand.Verify.class, AuditCommand.Show.class},
        footer = {
            "",
            "Examples:",
            "  ./sluice audit verify /var/log/sluice/audit --audit-key-file audit.key",
            "  ./sluice audit show /var/log/sluice/audit req-4f1c... --audit-key-file audit.key"
        })
final class AuditCommand implements Runnable {
    private static final int FAILED = 1;

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private CommandSpec spec;

    @Override
    public void run() {
        spec.commandLine().usage(spec.commandLine().getOut());
    }

    /// What these commands have in common: a log and its key.
    abstract static class OfLog implements Callable<Integer> {
        @Parameters(index = "0", paramLabel = "DIR", description = "The folder of the log: --audit-dir of the server.")
        @SuppressWarnings("NullAway.Init") // picocli sets it
        private Path folder;

        @Option(
                names = "--audit-key-file",
                paramLabel = "FILE",
                description = "The key that the server seals its log with, if it does.")
        private @Nullable Path keyFile;

        @Spec
        @SuppressWarnings("NullAway.Init") // picocli sets it
        private CommandSpec spec;

        @Override
        public Integer call() {
            try {
                return look(folder, keyFile == null ? AuditKey.NONE : AuditKey.read(keyFile));
            } catch (AuditUnusable e) {
                return fail(String.valueOf(e.getMessage()));
            }
        }

        abstract int look(Path folder, AuditKey key);

        /// Reads the whole log.
        ///
        /// @return true if nothing is wrong with it; else it was said
        boolean isIntact(Path folder, AuditKey key, Consumer<String> reader) {
            return switch (AuditVerification.read(folder, key, reader)) {
                case AuditVerification.Result.Intact(long lines, long lost) -> {
                    remark("intact: " + Amounts.count(lines) + " lines"
                            + (key.canEncrypt()
                                    ? ""
                                    : "; sealed without a key, so whoever can write there could have made it anew"));
                    if (lost > 0)
                        remark("warning: " + Amounts.count(lost) + " lines were never written, as the log says");
                    yield true;
                }
                case AuditVerification.Result.Broken(String place, String problem) -> {
                    fail("not intact: " + place + " " + problem);
                    yield false;
                }
            };
        }

        PrintWriter out() {
            return spec.commandLine().getOut();
        }

        /// For people: scripts read standard output.
        void remark(String line) {
            PrintWriter err = spec.commandLine().getErr();
            err.println(line);
            err.flush();
        }

        int fail(String problem) {
            remark(Ansi.AUTO.string("@|bold,red error:|@ ") + problem);
            return FAILED;
        }
    }

    /// Says whether a line was removed, edited or reordered.
    @Command(
            name = "verify",
            description = {
                "Reads a log from its first line to its last and says whether any was removed, edited or reordered.",
                "Ends with 0 if not, with 1 and the place if so."
            },
            mixinStandardHelpOptions = true)
    static final class Verify extends OfLog {
        @Override
        int look(Path folder, AuditKey key) {
            return isIntact(folder, key, _ -> {}) ? 0 : FAILED;
        }
    }

    /// Shows what the log has of a request, encrypted texts in the clear.
    @Command(
            name = "show",
            description =
                    "Prints the lines of one request; with the key, its texts in the clear if they were encrypted.",
            mixinStandardHelpOptions = true)
    static final class Show extends OfLog {
        @Parameters(index = "1", paramLabel = "ID", description = "The request's x-request-id, or its answer's id.")
        @SuppressWarnings("NullAway.Init") // picocli sets it
        private String id;

        private boolean found;

        @Override
        int look(Path folder, AuditKey key) {
            if (!isIntact(folder, key, line -> show(line, key))) return FAILED;
            return found ? 0 : fail("the log has no request " + id);
        }

        private void show(String line, AuditKey key) {
            if (!line.contains(id)) return;
            Map<String, Object> request = Json.parseObject(line.getBytes(StandardCharsets.UTF_8));
            if (!id.equals(request.get("id")) && !id.equals(request.get("answer_id"))) return;
            found = true;
            out().println(line);
            for (String texts : List.of("prompts_encrypted", "outputs_encrypted")) {
                if (!key.canEncrypt() || !(request.get(texts) instanceof List<?> all)) continue;
                String what = texts.substring(0, texts.indexOf("s_"));
                all.forEach(text -> out().println(what + ": " + key.decrypt(String.valueOf(text))));
            }
            out().flush();
        }
    }

    /// A month's usage per tenant.
    @Command(
            name = "usage",
            description = {
                "Prints what each tenant used in a month, as comma separated values, from the audit log.",
                "A log that is not intact is an error: nobody should be charged by it."
            },
            mixinStandardHelpOptions = true,
            footer = {"", "Example:", "  ./sluice usage /var/log/sluice/audit --month 2026-11 > november.csv"})
    static final class Usage extends OfLog {
        @Option(
                names = "--month",
                paramLabel = "YYYY-MM",
                converter = MonthConverter.class,
                description = "The month, in UTC. Default: this one.")
        private YearMonth month = YearMonth.now(ZoneOffset.UTC);

        @Override
        int look(Path folder, AuditKey key) {
            UsageTable table = new UsageTable(month);
            if (!isIntact(folder, key, table::add)) return FAILED;
            table.write(out());
            return 0;
        }
    }

    /// Months as people write them.
    static final class MonthConverter implements ITypeConverter<YearMonth> {
        @Override
        public YearMonth convert(String text) {
            try {
                return YearMonth.parse(text);
            } catch (DateTimeParseException e) {
                throw new TypeConversionException("a month such as 2026-11 is expected");
            }
        }
    }
}
