package io.sluice.modelstore;

import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Names and their values, with the names around them. One thread.
final class JinjaScope {
    private final @Nullable JinjaScope outer;
    private final Map<String, Object> values = new HashMap<>();

    JinjaScope(@Nullable JinjaScope outer) {
        this.outer = outer;
    }

    Object get(String name) {
        for (JinjaScope scope = this; scope != null; scope = scope.outer) {
            Object value = scope.values.get(name);
            if (value != null) {
                return value;
            }
        }
        return new JinjaValues.Undefined("'" + name + "' is undefined");
    }

    void set(String name, Object value) {
        values.put(name, value);
    }
}
