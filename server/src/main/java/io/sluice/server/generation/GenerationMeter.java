package io.sluice.server.generation;

/// What is counted about all requests. Any thread.
public interface GenerationMeter {

    /// Begins to count one request.
    RequestMeter begin(Payer payer);

    /// The answer that refused a request has left, so long after its prompts had become tokens.
    void refusalSent(long sinceTokenisedNs);
}
