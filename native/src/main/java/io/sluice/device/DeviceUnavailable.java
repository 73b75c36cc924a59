package io.sluice.device;

/// A device that was asked for by name cannot be used. The message says why and what would help; nothing
/// else is used in its place.
public final class DeviceUnavailable extends RuntimeException {
    DeviceUnavailable(String message) {
        super(message);
    }

    DeviceUnavailable(String message, Throwable cause) {
        super(message, cause);
    }
}
