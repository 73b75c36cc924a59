package io.sluice.server.settings;

import java.io.IOException;
import java.io.StringReader;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/// The YAML text that settings and policy are read from; it can be read again and again. A value.
public sealed interface ConfigText {

    /// The key that holds the policy: the only one with more than one level.
    String POLICY = "policy";

    /// A file, as it is when it is read.
    record FromFile(Path path) implements ConfigText {
        @Override
        public YamlReader open() {
            if (Files.isDirectory(path)) throw new SettingsException(path + ": is a folder, not a file of settings");
            try {
                return new YamlReader(path.toString(), Files.newBufferedReader(path));
            } catch (NoSuchFileException e) {
                throw new SettingsException(path + ": there is no such file");
            } catch (IOException e) {
                throw new SettingsException(path + ": cannot be read: " + e.getMessage());
            }
        }
    }

    /// A text that somebody sent.
    ///
    /// @param origin what it is called in errors
    record Given(String origin, String text) implements ConfigText {
        @Override
        public YamlReader open() {
            return new YamlReader(origin, new StringReader(text));
        }
    }

    /// Starts reading.
    ///
    /// @throws SettingsException if it cannot be read
    YamlReader open();
}
