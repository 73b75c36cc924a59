package io.sluice.server.policy;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/// The price table: what requests cost, by their class. A value.
///
/// @param usual of classes that have no rates of their own
public record Prices(Rates usual, Map<String, Rates> classes) {
    public Prices {
        classes = Collections.unmodifiableMap(new LinkedHashMap<>(classes));
    }

    public Rates of(String trafficClass) {
        return classes.getOrDefault(trafficClass, usual);
    }

    /// All of its rates, under the names that changes are told by.
    Map<String, Rates> named() {
        Map<String, Rates> all = new LinkedHashMap<>();
        all.put("usual", usual);
        classes.forEach((name, rates) -> all.put("classes." + name, rates));
        return all;
    }
}
