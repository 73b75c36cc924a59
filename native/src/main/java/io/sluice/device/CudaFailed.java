package io.sluice.device;

/// CUDA refused or lost something: the message says what was asked of it and what it answered. After most of its errors
/// a device can do nothing more for this process.
final class CudaFailed extends RuntimeException {
    CudaFailed(String what, String answer) {
        super(what + ": " + answer);
    }
}
