package io.sluice.server.generation;

/// What is counted about all requests. Any thread.
public interface GenerationMeter {

    /// Begins to count one request of this tenant.
    RequestMeter begin(String tenant);
}
