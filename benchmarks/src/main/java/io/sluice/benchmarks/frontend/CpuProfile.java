package io.sluice.benchmarks.frontend;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordedFrame;
import jdk.jfr.consumer.RecordedStackTrace;
import jdk.jfr.consumer.RecordingFile;
import org.jspecify.annotations.Nullable;

/// What a server's processor time went to, from its flight recording. A value.
///
/// @param samples of processor time
/// @param parts what they were in, as parts of all, largest first
/// @param methods on top of the stacks, as parts of all, largest first
/// @param collections of the garbage collector
/// @param pauseMs that they stopped the server for, in all
record CpuProfile(
        long samples, Map<String, Double> parts, Map<String, Double> methods, long collections, double pauseMs) {
    private static final int METHODS_MAX = 15;

    /// What a stack belongs to: the topmost frame whose class begins like this decides.
    private static final List<Map.Entry<String, String>> PLACES = List.of(
            Map.entry("sun.nio.ch.", "socket"),
            Map.entry("io.sluice.batching.TokenStream", "hand-off to readers"),
            Map.entry("io.sluice.batching.", "scheduler"),
            Map.entry("io.sluice.modelstore.", "detokeniser"),
            Map.entry("io.sluice.server.generation.", "reading a generation"),
            Map.entry("io.sluice.server.output.", "reading a generation"),
            Map.entry("io.sluice.server.openai.", "events and JSON"),
            Map.entry("io.sluice.server.http.JsonOut", "events and JSON"),
            Map.entry("io.sluice.server.http.", "connection"),
            Map.entry("io.sluice.server.NullModelServer", "the null model"),
            Map.entry("io.helidon.", "Helidon"),
            Map.entry("jdk.jfr.", "flight recorder"),
            Map.entry("java.lang.VirtualThread", "switching virtual threads"),
            Map.entry("jdk.internal.vm.Continuation", "switching virtual threads"),
            Map.entry("java.util.concurrent.ForkJoin", "switching virtual threads"),
            Map.entry("java.util.concurrent.locks.LockSupport", "switching virtual threads"));

    static CpuProfile of(Path recording) throws IOException {
        Map<String, Long> parts = new TreeMap<>();
        Map<String, Long> methods = new TreeMap<>();
        long samples = 0;
        long collections = 0;
        double pauseMs = 0;
        try (var file = new RecordingFile(recording)) {
            while (file.hasMoreEvents()) {
                RecordedEvent event = file.readEvent();
                switch (event.getEventType().getName()) {
                    case "jdk.CPUTimeSample" -> {
                        samples++;
                        RecordedStackTrace stack = event.getStackTrace();
                        parts.merge(part(stack), 1L, Long::sum);
                        methods.merge(top(stack), 1L, Long::sum);
                    }
                    case "jdk.GarbageCollection" -> {
                        collections++;
                        pauseMs += event.getDuration("sumOfPauses").toNanos() / 1e6;
                    }
                    default -> {}
                }
            }
        }
        return new CpuProfile(
                samples, largest(parts, samples, 100), largest(methods, samples, METHODS_MAX), collections, pauseMs);
    }

    private static String part(@Nullable RecordedStackTrace stack) {
        if (stack == null) return "unknown: JVM's own threads, and stacks that could not be walked";
        for (RecordedFrame frame : stack.getFrames()) {
            String type = frame.getMethod().getType().getName();
            for (Map.Entry<String, String> place : PLACES) {
                if (type.startsWith(place.getKey())) return place.getValue();
            }
        }
        return "other";
    }

    private static String top(@Nullable RecordedStackTrace stack) {
        if (stack == null || stack.getFrames().isEmpty()) return "unknown";
        RecordedFrame frame = stack.getFrames().getFirst();
        return frame.getMethod().getType().getName().replaceFirst(".*\\.", "") + "."
                + frame.getMethod().getName();
    }

    private static Map<String, Double> largest(Map<String, Long> counts, long samples, int most) {
        Map<String, Double> largest = new LinkedHashMap<>();
        counts.entrySet().stream()
                .sorted(Map.Entry.comparingByValue(Comparator.reverseOrder()))
                .limit(most)
                .forEach(it -> largest.put(it.getKey(), (double) it.getValue() / samples));
        return largest;
    }
}
