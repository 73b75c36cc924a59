package io.sluice.server.settings;

import java.util.Locale;

/// One thing that an operator can decide, declared once: its flag, its key in the file and its environment variable all
/// come from here, and so does its documentation. A value.
///
/// @param name in kebab-case: the flag without `--`, and the key in the file
/// @param defaultText what applies when nobody says anything, as somebody would write it
/// @param description sentences, for people who look for exactly this
record Setting<T>(String name, Group group, Kind<T> kind, String defaultText, String description) {

    /// The chapters of the documentation.
    enum Group {
        MODEL("Model"),
        ENGINE("Engine and memory"),
        HTTP("HTTP"),
        ACCESS("Keys, tenants and the admin port"),
        AUDIT("Audit log"),
        LIFECYCLE("Stopping and logging");

        private final String title;

        Group(String title) {
            this.title = title;
        }

        String title() {
            return title;
        }
    }

    String flag() {
        return "--" + name;
    }

    String environmentVariable() {
        return environmentVariable(name);
    }

    static String environmentVariable(String name) {
        return ENVIRONMENT_PREFIX + name.toUpperCase(Locale.ROOT).replace('-', '_');
    }

    static final String ENVIRONMENT_PREFIX = "SLUICE_";

    /// True if the flag needs no value.
    boolean isFlag() {
        return kind instanceof Kind.Flag;
    }
}
