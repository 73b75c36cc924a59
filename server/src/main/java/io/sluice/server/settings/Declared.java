package io.sluice.server.settings;

import java.util.List;
import java.util.stream.Stream;

/// Every setting of `sluice serve`, in the order of the documentation.
final class Declared {
    static final List<Setting<?>> ALL = Stream.concat(DeclaredEngine.ALL.stream(), DeclaredServing.ALL.stream())
            .toList();

    /// Environment variables that begin like settings and are none: the launcher's, and the file's place.
    static final List<String> OTHER_VARIABLES = List.of(
            "SLUICE_API_KEY", "SLUICE_CONFIG", "SLUICE_JAVA_HOME", "SLUICE_JAVA_OPTS", "SLUICE_NVCC", "SLUICE_SHARED");

    private Declared() {}

    static List<String> names() {
        return ALL.stream().map(Setting::name).toList();
    }
}
