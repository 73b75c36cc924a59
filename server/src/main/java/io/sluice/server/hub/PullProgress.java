package io.sluice.server.hub;

/// Is told how a pull gets on. Any thread.
interface PullProgress {
    /// So much is to be fetched, of so many files.
    void begins(int fileCount, long bytes);

    /// More bytes of some file are there; less than 0 if some had to be thrown away.
    void advances(long bytes);

    /// Something did not work and is tried again.
    void retries(String why);

    /// The file is there, whole.
    void completes(HubFile file);

    /// Nothing more comes.
    void ends();
}
