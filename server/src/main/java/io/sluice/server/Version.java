package io.sluice.server;

import java.util.Objects;

/// This build's version, as the jar's manifest has it.
final class Version {
    static final String TEXT =
            Objects.requireNonNullElse(Version.class.getPackage().getImplementationVersion(), "development");

    private Version() {}
}
