package io.sluice.server.settings;

/// A setting that cannot be: one line that says where it stands and what would be right.
public final class SettingsException extends RuntimeException {
    public SettingsException(String message) {
        super(message);
    }

    @Override
    public String getMessage() {
        return String.valueOf(super.getMessage());
    }
}
