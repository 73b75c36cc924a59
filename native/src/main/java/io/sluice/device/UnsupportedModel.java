package io.sluice.device;

/// The device that was asked for does not compute such a model. The message says what does.
public final class UnsupportedModel extends RuntimeException {
    UnsupportedModel(String message) {
        super(message);
    }
}
