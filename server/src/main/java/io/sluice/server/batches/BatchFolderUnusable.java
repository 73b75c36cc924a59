package io.sluice.server.batches;

/// The folder for files and batches cannot be this server's; the message says why.
public final class BatchFolderUnusable extends RuntimeException {
    BatchFolderUnusable(String message) {
        super(message);
    }

    @Override
    public String getMessage() {
        return String.valueOf(super.getMessage());
    }
}
