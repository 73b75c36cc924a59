package io.sluice.server.settings;

import io.sluice.server.settings.Setting.Group;

/// Writes the reference of all settings from their declaration, as Markdown.
final class ConfigurationPage {
    private static final String HEAD = """
            # Configuration

            Every setting of `sluice serve` is a flag, a key of a YAML file, and an environment variable. Flags win over
            environment variables, those over the file (`--config FILE`, or `SLUICE_CONFIG`), that over the defaults. A name or
            value that cannot be is refused at the start, with the place where it stands and the nearest right one.

            ```yaml
            # sluice.yaml
            model: ./models/SmolLM2-135M-Instruct.gguf
            served-model-name: [smollm2, default]
            port: 9000
            max-model-len: 4096
            ```

            Sizes are bytes, or a number with a unit (`512MiB`, `2GiB`); times are seconds, or a number with a unit (`500ms`,
            `30s`, `2m`).

            One key of the file holds more than a value: `policy`, with classes, tenants and shared prefixes. It and the key file
            can be changed while the server runs ([tenancy](tenancy.md)); every setting on this page needs a restart.

            This page is generated from the settings' declaration (`Declared`); a test keeps it true.
            """;

    private static final String FOOT = """

            ## Other environment variables

            | variable | says |
            |---|---|
            | `SLUICE_CONFIG` | the YAML file, as `--config` does |
            | `SLUICE_API_KEY` | the key that `sluice chat` and `sluice policy check --url` send |
            | `SLUICE_JAVA_OPTS` | further options for the Java virtual machine, such as `-Xmx2g` |
            | `SLUICE_JAVA_HOME` | the Java runtime to use, instead of the JDK that the launcher finds |

            Variables that Kubernetes sets for a Service named `sluice` (`SLUICE_SERVICE_HOST`, `SLUICE_PORT=tcp://...`) are ignored.
            """;

    private ConfigurationPage() {}

    static String markdown() {
        StringBuilder page = new StringBuilder(HEAD);
        for (Group group : Group.values()) {
            page.append("\n## ").append(group.title()).append("\n\n");
            page.append("| flag and key | environment | value | default | decides |\n|---|---|---|---|---|\n");
            for (Setting<?> setting : Declared.ALL) {
                if (setting.group() == group) page.append(row(setting));
            }
        }
        return page.append(FOOT).toString();
    }

    private static String row(Setting<?> setting) {
        return "| `%s` | `%s` | `%s` | `%s` | %s |\n"
                .formatted(
                        setting.flag(),
                        setting.environmentVariable(),
                        setting.kind().label().replace("|", "\\|"),
                        setting.defaultText(),
                        setting.description());
    }
}
