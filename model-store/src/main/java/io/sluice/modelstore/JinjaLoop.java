package io.sluice.modelstore;

import java.util.List;
import org.jspecify.annotations.Nullable;

/// The `loop` of a `for`, at one of its rounds. A value.
record JinjaLoop(List<Object> items, int index) {
    long length() {
        return items.size();
    }

    /// Null for an attribute that loops do not have.
    @Nullable
    Object attribute(String name) {
        return switch (name) {
            case "index" -> index + 1L;
            case "index0" -> (long) index;
            case "revindex" -> length() - index;
            case "revindex0" -> length() - index - 1;
            case "first" -> index == 0;
            case "last" -> index == items.size() - 1;
            case "length" -> length();
            case "depth" -> 1L; // only recursive loops go deeper, and there are none here
            case "depth0" -> 0L;
            case "previtem" ->
                index > 0 ? items.get(index - 1) : new JinjaValues.Undefined("there is no previous item");
            case "nextitem" ->
                index + 1 < items.size() ? items.get(index + 1) : new JinjaValues.Undefined("there is no next item");
            case "cycle" -> (JinjaFunction) this::cycle;
            default -> null;
        };
    }

    private Object cycle(JinjaArguments arguments) {
        List<Object> values = arguments.positional();
        if (values.isEmpty()) {
            throw new JinjaException("loop.cycle needs something to cycle through");
        }
        return values.get(index % values.size());
    }
}
