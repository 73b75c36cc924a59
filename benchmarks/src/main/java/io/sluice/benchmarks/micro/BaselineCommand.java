package io.sluice.benchmarks.micro;

import static io.sluice.benchmarks.traffic.Amounts.digits;

import io.sluice.benchmarks.report.Conditions;
import io.sluice.benchmarks.report.HtmlReport;
import io.sluice.benchmarks.report.Plot;
import io.sluice.benchmarks.report.ReportFiles;
import io.sluice.benchmarks.traffic.JsonWriter;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/// Counts what the parts of the server allocate and execute, and fails if that is more than what is
/// committed. Main thread.
@Command(
        name = "baseline",
        description = {
            "Counts the bytes that each part allocates and the bytecode instructions that it executes for one"
                    + " operation, and compares them with the committed figures. Takes seconds.",
            "Neither depends on the machine or on what else it does. Exit code 1: a part does more than it did."
        },
        mixinStandardHelpOptions = true,
        sortOptions = false)
public final class BaselineCommand implements Callable<Integer> {
    private static final int FAILED = 1;

    @Option(
            names = "--update",
            paramLabel = "FILE",
            description = "Write what is counted there instead: the new baseline.")
    private @Nullable Path update;

    @Mixin
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private ReportFiles files;

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private CommandSpec spec;

    @Override
    public Integer call() throws InterruptedException {
        try {
            return compare();
        } catch (IOException e) {
            spec.commandLine().getErr().println("error: " + e.getMessage());
            return FAILED;
        }
    }

    private int compare() throws IOException, InterruptedException {
        Baseline now = Baseline.counted();
        PrintWriter out = spec.commandLine().getOut();
        if (update != null) {
            Files.writeString(update, now.lines());
            out.println("written: " + update);
            out.flush();
            return 0;
        }
        Baseline was = Baseline.committed();
        List<List<String>> rows = rows(was, now);
        var conditions = new Conditions(Conditions.here());
        conditions.values().forEach((name, value) -> out.printf("%-18s %s%n", name, value));
        out.println();
        for (List<String> row : rows) {
            out.printf("%-68s %10s %10s %12s %12s%n", row.toArray());
        }
        List<String> growth = was.growth(now);
        for (String line : growth) out.println("GREW: " + line);
        if (!growth.isEmpty()) out.println(ADVICE);
        out.flush();
        files.write(
                () -> json(conditions, was, now),
                () -> html(conditions, now, rows).page());
        return growth.isEmpty() ? 0 : FAILED;
    }

    /// What to do about growth.
    static final String ADVICE = "If that is meant, say why in the commit and write the new figures:\n"
            + "  ./sluice bench baseline --update benchmarks/src/main/resources/io/sluice/benchmarks/micro/baseline.tsv";

    private static List<List<String>> rows(Baseline was, Baseline now) {
        List<List<String>> rows = new ArrayList<>();
        rows.add(List.of("one operation", "bytes", "was", "instructions", "was"));
        now.counts().forEach((part, is) -> {
            Baseline.Counts before = was.counts().getOrDefault(part, new Baseline.Counts(Double.NaN, Double.NaN));
            rows.add(List.of(
                    part,
                    digits(is.bytes()),
                    digits(before.bytes()),
                    digits(is.instructions()),
                    digits(before.instructions())));
        });
        return rows;
    }

    private static String json(Conditions conditions, Baseline was, Baseline now) {
        var writer = new JsonWriter();
        return writer.object(() -> {
                    writer.object("conditions", () -> conditions.values().forEach(writer::field));
                    writer.object("now", () -> counts(writer, now.counts()));
                    writer.object("baseline", () -> counts(writer, was.counts()));
                })
                .finish();
    }

    private static void counts(JsonWriter writer, Map<String, Baseline.Counts> counts) {
        counts.forEach((part, it) ->
                writer.object(part, () -> writer.field("bytes", it.bytes()).field("instructions", it.instructions())));
    }

    private static HtmlReport html(Conditions conditions, Baseline now, List<List<String>> rows) {
        return new HtmlReport("Sluice: what each part allocates and executes", conditions)
                .table(rows.getFirst(), rows.subList(1, rows.size()))
                .plot(Plot.bars(
                        "Allocated by one operation",
                        "bytes",
                        now.counts().entrySet().stream()
                                .map(it ->
                                        new Plot.Bar(it.getKey(), it.getValue().bytes(), 0))
                                .toList()))
                .plot(Plot.bars(
                        "Executed by one operation",
                        "bytecode instructions",
                        now.counts().entrySet().stream()
                                .map(it ->
                                        new Plot.Bar(it.getKey(), it.getValue().instructions(), 0))
                                .toList()));
    }
}
