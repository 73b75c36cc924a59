package io.sluice.device;

/// libtorch could not be loaded or refused a call. The message says what was asked and, if there is one, what to do.
public final class TorchFailed extends RuntimeException {
    TorchFailed(String message) {
        super(message);
    }

    TorchFailed(String message, Throwable cause) {
        super(message, cause);
    }
}
