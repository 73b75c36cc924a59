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

    /// What somebody gave one setting, unchecked; empty if nobody did.
    ///
    /// @throws SettingsException if the file cannot be read
    public Optional<String> given(String name) {
        String variable = Setting.environmentVariable(name);
        if (flags.containsKey(name)) return Optional.of(flags.get(name));
        if (environment.containsKey(variable)) return Optional.of(environment.get(variable));
        return config.map(SettingsFile::read)
                .flatMap(given -> Optional.ofNullable(given.get(name)))
                .map(Given::text);
    }

    /// Resolves every setting.
    ///
    /// @throws SettingsException if anything is unknown or impossible
    public ServerSettings settings() {
        return ServerSettings.of(this);
    }
}
