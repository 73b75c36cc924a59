package io.sluice.modelstore;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// What a call was given. A value.
record JinjaArguments(List<Object> positional, Map<String, Object> named) {
    static final JinjaArguments NONE = new JinjaArguments(List.of(), Map.of());

    static JinjaArguments of(Object... positional) {
        return new JinjaArguments(List.of(positional), Map.of());
    }

    /// These arguments, if `what` has these parameters and no others.
    JinjaArguments checked(String what, List<String> parameters) {
        if (positional.size() > parameters.size()) {
            throw new JinjaException(
                    what + " takes at most " + parameters.size() + " arguments, not " + positional.size());
        }
        for (String name : named.keySet()) {
            int place = parameters.indexOf(name);
            if (place < 0) {
                throw new JinjaException(what + " has no argument named '" + name + "'");
            }
            if (place < positional.size()) {
                throw new JinjaException(what + " got its argument '" + name + "' twice");
            }
        }
        return this;
    }

    /// The argument at a place or of a name; null if it was not given.
    @Nullable
    Object find(int place, String name) {
        return place < positional.size() ? positional.get(place) : named.get(name);
    }

    Object get(int place, String name, Object otherwise) {
        Object value = find(place, name);
        return value == null ? otherwise : value;
    }

    Object require(int place, String name) {
        Object value = find(place, name);
        if (value == null) {
            throw new JinjaException("the argument '" + name + "' is missing");
        }
        return value;
    }

    boolean flag(int place, String name, boolean otherwise) {
        Object value = find(place, name);
        return value == null ? otherwise : JinjaValues.truth(value);
    }

    long integer(int place, String name, long otherwise) {
        Object value = find(place, name);
        return value == null ? otherwise : JinjaValues.requireInteger(value, "the argument '" + name + "'");
    }

    JinjaText text(int place, String name) {
        return JinjaValues.requireText(require(place, name), "the argument '" + name + "'");
    }

    /// Without the first positional arguments.
    JinjaArguments skip(int count) {
        return new JinjaArguments(positional.subList(Math.min(count, positional.size()), positional.size()), named);
    }
}
