package io.sluice.benchmarks.report;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/// What a measurement's reader must know besides its figures, by name, in the order in which it is told. A
/// value.
public record Conditions(Map<String, String> values) {
    private static final String COMMIT = "sluice.commit"; // the launcher says which it built
    private static final Path PROCESSORS = Path.of("/proc/cpuinfo");

    /// Of a processor's flags, those that kernels are compiled for, and their like.
    private static final List<String> INSTRUCTION_SETS =
            List.of("avx", "fma", "f16c", "amx", "sse4_2", "asimd", "sve", "bf16", "i8mm");

    public Conditions {
        values = Collections.unmodifiableMap(new LinkedHashMap<>(values));
    }

    /// This machine at this moment; the rest is added by whoever measures.
    public static Map<String, String> here() {
        Map<String, String> values = new LinkedHashMap<>();
        var system = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        values.put("at", Instant.now().truncatedTo(ChronoUnit.SECONDS).toString());
        values.put("commit", commit());
        values.put("java", System.getProperty("java.vm.name") + " " + System.getProperty("java.vm.version"));
        values.put(
                "java flags",
                ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
                        .filter(flag -> !flag.startsWith("-D" + COMMIT))
                        .collect(Collectors.joining(" ")));
        values.put(
                "machine",
                "%s %s, %s, %d processors, %.0f GiB"
                        .formatted(
                                System.getProperty("os.name"),
                                System.getProperty("os.arch"),
                                ofProcessor("model name"),
                                system.getAvailableProcessors(),
                                system.getTotalMemorySize() / (double) (1 << 30)));
        values.put("instruction sets", instructionSets());
        values.put("load before", String.format(Locale.ROOT, "%.2f processes ready to run", load()));
        return values;
    }

    /// The source that was built.
    public static String commit() {
        return System.getProperty(COMMIT, "unknown");
    }

    /// Processes that want a processor, averaged over the last minute; what else the machine does is part of a
    /// measurement.
    public static double load() {
        return ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage();
    }

    private static String instructionSets() {
        String flags = ofProcessor("flags");
        if (flags.equals("unknown")) flags = ofProcessor("Features");
        String known = List.of(flags.split(" ", -1)).stream()
                .filter(flag -> INSTRUCTION_SETS.stream().anyMatch(flag::startsWith))
                .collect(Collectors.joining(" "));
        return known.isEmpty() ? "unknown" : known;
    }

    private static String ofProcessor(String name) {
        try {
            return Files.readAllLines(PROCESSORS).stream()
                    .filter(line -> line.startsWith(name))
                    .map(line -> line.substring(line.indexOf(':') + 1).strip())
                    .findFirst()
                    .orElse("unknown");
        } catch (IOException e) {
            return "unknown"; // another system than Linux
        }
    }
}
