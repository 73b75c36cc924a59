package io.sluice.benchmarks.load;

/// Which of OpenAI's APIs is asked.
enum Endpoint {
    CHAT("/chat/completions"),
    COMPLETIONS("/completions");

    private final String path;

    Endpoint(String path) {
        this.path = path;
    }

    /// Below the address that clients call their base.
    String path() {
        return path;
    }
}
