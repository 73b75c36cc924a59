package io.sluice.benchmarks.load;

import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/// What a measurement's reader must know besides its figures, by name, in the order in which it is told. A
/// value.
record Conditions(Map<String, String> values) {
    private static final String COMMIT = "sluice.commit"; // the launcher says which it built

    Conditions {
        values = Collections.unmodifiableMap(new LinkedHashMap<>(values));
    }

    /// This machine at this moment; the rest is added by whoever measures.
    static Map<String, String> here() {
        Map<String, String> values = new LinkedHashMap<>();
        values.put("at", Instant.now().truncatedTo(ChronoUnit.SECONDS).toString());
        values.put("generator commit", System.getProperty(COMMIT, "unknown"));
        values.put("generator java", System.getProperty("java.vm.name") + " " + System.getProperty("java.vm.version"));
        values.put(
                "generator machine",
                System.getProperty("os.name") + " " + System.getProperty("os.arch") + ", "
                        + Runtime.getRuntime().availableProcessors() + " processors");
        return values;
    }
}
