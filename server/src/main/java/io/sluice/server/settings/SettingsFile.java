package io.sluice.server.settings;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/// Reads the settings of a YAML file: one level of keys, each with one value or a list. The one key that holds more,
/// `policy`, is somebody else's to read. Any thread.
final class SettingsFile {
    private static final List<String> NAMES = Stream.concat(Declared.names().stream(), Stream.of(ConfigText.POLICY))
            .toList();

    private SettingsFile() {}

    /// What the file says, by the setting's name, each with its place in the file.
    ///
    /// @throws SettingsException naming file and line
    static Map<String, Given> read(ConfigText config) {
        Map<String, Given> entries = new LinkedHashMap<>();
        try (YamlReader yaml = config.open()) {
            yaml.document(name -> {
                if (name.equals(ConfigText.POLICY)) yaml.skip();
                else entry(yaml, name, entries);
            });
        }
        return entries;
    }

    private static void entry(YamlReader yaml, String name, Map<String, Given> entries) {
        String place = yaml.place();
        if (!Declared.names().contains(name)) {
            throw yaml.wrong("unknown setting \"" + name + "\"" + NearestName.hint(name, NAMES));
        }
        Given given = new Given(String.join(",", yaml.scalars(name)), place + ": " + name);
        if (entries.put(name, given) != null) throw new SettingsException(place + ": " + name + " is set twice");
    }
}
