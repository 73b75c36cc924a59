package io.sluice.server.settings;

import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParseResult;

/// The settings as options of a command. Any thread.
public final class SettingsFlags {
    private static final String CONFIG = "--config";

    private SettingsFlags() {}

    /// Adds an option for each setting, and one for the file.
    public static void addTo(CommandSpec command) {
        command.addOption(OptionSpec.builder(CONFIG)
                .type(String.class)
                .paramLabel("FILE")
                .description("YAML file of settings; flags and environment variables win over it.")
                .build());
        for (Setting<?> setting : Declared.ALL) {
            OptionSpec.Builder option = OptionSpec.builder(setting.flag())
                    .type(String.class)
                    .paramLabel(setting.kind().label())
                    .description(plain(setting.description()) + " Default: " + setting.defaultText() + ".");
            if (setting.isFlag()) option.arity("0..1").fallbackValue("true");
            command.addOption(option.build());
            if (setting.isFlag()) {
                command.addOption(OptionSpec.builder(negated(setting))
                        .type(boolean.class)
                        .hidden(true)
                        .build());
            }
        }
    }

    /// The flags, the file and the environment.
    public static SettingsSource source(ParseResult result, Map<String, String> environment) {
        Map<String, String> flags = new HashMap<>();
        for (Setting<?> setting : Declared.ALL) {
            if (setting.isFlag() && result.hasMatchedOption(negated(setting))) flags.put(setting.name(), "false");
            if (result.hasMatchedOption(setting.flag())) {
                flags.put(setting.name(), result.<String>matchedOptionValue(setting.flag(), ""));
            }
        }
        String file = result.matchedOptionValue(CONFIG, environment.get("SLUICE_CONFIG"));
        Optional<ConfigText> config = Optional.ofNullable(file).map(path -> new ConfigText.FromFile(Path.of(path)));
        return new SettingsSource(flags, config, environment);
    }

    /// ` (did you mean NAME?)`, or nothing if no name is near.
    public static String hint(String wrong, List<String> names) {
        return NearestName.hint(wrong, names);
    }

    private static String negated(Setting<?> setting) {
        return "--no-" + setting.name();
    }

    /// Descriptions are written for Markdown.
    private static String plain(String description) {
        return description.replace("`", "").replace("%", "%%");
    }
}
