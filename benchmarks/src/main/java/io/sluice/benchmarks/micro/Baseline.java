package io.sluice.benchmarks.micro;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

/// What each part allocated and executed for one operation when somebody last looked, and whether it does more
/// now. A value.
///
/// @param counts by part
record Baseline(Map<String, Counts> counts) {
    private static final String COMMITTED = "baseline.tsv";

    /// What is no growth: JIT, hash seeds and resizing tables move a figure by less.
    private static final double TOLERANCE = 0.02;

    /// Where a user's flags for all Java programs stand.
    private static final Set<String> FLAGS_OF_ENVIRONMENT =
            Set.of("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS");

    private static final double BYTES_SPARE = 8;
    private static final double INSTRUCTIONS_SPARE = 4;

    Baseline {
        counts = new LinkedHashMap<>(counts);
    }

    /// Of one operation. A value.
    record Counts(double bytes, double instructions) {}

    /// What the build was committed with.
    static Baseline committed() throws IOException {
        try (InputStream in = Baseline.class.getResourceAsStream(COMMITTED)) {
            if (in == null) throw new IOException("this build carries no baseline");
            return parse(new String(in.readAllBytes(), StandardCharsets.UTF_8).lines());
        }
    }

    /// What this build does, counted in a process of its own: fixed object layout, no flags from the environment,
    /// and no optimising compiler, which would leave allocations out as it pleases.
    static Baseline counted() throws IOException, InterruptedException {
        var counting = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-XX:TieredStopAtLevel=1",
                        "-XX:+UseSerialGC",
                        "-XX:+UseCompactObjectHeaders",
                        "-Xmx1g",
                        "--enable-native-access=ALL-UNNAMED",
                        "--sun-misc-unsafe-memory-access=allow",
                        "-cp",
                        System.getProperty("java.class.path"),
                        CountedRun.class.getName())
                .redirectError(ProcessBuilder.Redirect.INHERIT);
        counting.environment().keySet().removeAll(FLAGS_OF_ENVIRONMENT);
        Process process = counting.start();
        List<String> lines;
        try (var out = process.inputReader(StandardCharsets.UTF_8)) {
            lines = out.lines().toList();
        }
        int exit = process.waitFor();
        if (exit != 0) throw new IOException("counting ended with " + exit + "; what it said stands above");
        return parse(lines.stream());
    }

    static Baseline parse(Stream<String> lines) {
        Map<String, Counts> counts = new LinkedHashMap<>();
        lines.filter(line -> !line.isBlank() && !line.startsWith("#")).forEach(line -> {
            String[] parts = line.split("\t", -1);
            if (parts.length != 3) throw new IllegalArgumentException("a line without three parts: " + line);
            counts.put(parts[0], new Counts(Double.parseDouble(parts[1]), Double.parseDouble(parts[2])));
        });
        return new Baseline(counts);
    }

    /// As it is committed.
    String lines() {
        var text = new StringBuilder(
                "# Bytes allocated and bytecode instructions executed by one operation of each part.\n"
                        + "# Written by: ./sluice bench baseline --update benchmarks/src/main/resources/io/sluice/benchmarks/micro/"
                        + COMMITTED + "\n");
        counts.forEach((part, it) ->
                text.append(String.format(Locale.ROOT, "%s\t%.1f\t%.1f%n", part, it.bytes(), it.instructions())));
        return text.toString();
    }

    /// What `now` does more of than this, in sentences; empty if it does not.
    List<String> growth(Baseline now) {
        List<String> growth = new ArrayList<>();
        counts.forEach((part, was) -> {
            Counts is = now.counts.get(part);
            if (is == null) {
                growth.add("\"" + part + "\" is in the baseline but is not counted any more");
                return;
            }
            grew(part, "allocates", "bytes", was.bytes(), is.bytes(), BYTES_SPARE, growth);
            grew(part, "executes", "instructions", was.instructions(), is.instructions(), INSTRUCTIONS_SPARE, growth);
        });
        for (String part : now.counts.keySet()) {
            if (!counts.containsKey(part)) growth.add("\"" + part + "\" is counted but is not in the baseline");
        }
        return growth;
    }

    private static void grew(
            String part, String verb, String unit, double was, double is, double spare, List<String> growth) {
        if (is <= was * (1 + TOLERANCE) + spare) return;
        growth.add(String.format(
                Locale.ROOT,
                "\"%s\" %s %,.1f %s, %,.1f more than the %,.1f of the baseline%s",
                part,
                verb,
                is,
                unit,
                is - was,
                was,
                was == 0 ? "" : String.format(Locale.ROOT, " (%+.1f %%)", (is / was - 1) * 100)));
    }
}
