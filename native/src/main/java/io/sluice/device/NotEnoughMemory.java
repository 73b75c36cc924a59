package io.sluice.device;

/// The model, its KV cache or its context do not fit the memory. The message gives the numbers and what to change.
public final class NotEnoughMemory extends RuntimeException {
    NotEnoughMemory(String message) {
        super(message);
    }
}
