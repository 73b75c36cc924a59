package io.sluice.batching;

import org.jspecify.annotations.Nullable;

/// Conditions the engine's correctness rests on. Cheap enough to stay on in production: better to fail streams loudly
/// than to serve one caller another's cache.
final class Invariant {
    private Invariant() {}

    /// @throws Broken if the condition does not hold; nothing catches it but the engine's end
    static void check(boolean holds, String message) {
        if (!holds) throw new Broken(message);
    }

    /// The value itself, which must be there.
    static <T> T present(@Nullable T value, String message) {
        if (value == null) throw new Broken(message);
        return value;
    }

    /// A bug in this module. The engine stops.
    static final class Broken extends RuntimeException {
        Broken(String message) {
            super(message);
        }
    }
}
