package io.sluice.server.settings;

import java.util.Map;
import java.util.Optional;

/// Where an operator's decisions are written: they can be read again while the server runs. A value.
///
/// @param flags by setting name
/// @param config the YAML file, if there is one
/// @param environment all of the process's
public record SettingsSource(Map<String, String> flags, Optional<ConfigText> config, Map<String, String> environment) {
    public SettingsSource {
        flags = Map.copyOf(flags);
        environment = Map.copyOf(environment);
    }

    /// The same with another text in the file's place.
    public SettingsSource with(ConfigText other) {
        return new SettingsSource(flags, Optional.of(other), environment);
    }

    /// Resolves every setting.
    ///
    /// @throws SettingsException if anything is unknown or impossible
    public ServerSettings settings() {
        return ServerSettings.of(this);
    }
}
