package io.sluice.server.generation;

import io.sluice.batching.Admission;

/// What is counted about requests as they go. Called on the requests' threads.
public interface GenerationMeter {

    /// A request was taken.
    void admitted(int promptTokens, int choices);

    /// A request was not taken.
    void refused(Admission.Reason reason);

    /// The first token of a request arrived, `waitNs` after it was submitted.
    void firstToken(long waitNs);

    /// `count` further tokens of one choice arrived together, `gapNs` after the ones before.
    void furtherTokens(int count, long gapNs);

    /// A choice ended.
    void finished(Finish finish);

    /// The whole request is over.
    void completed(Usage usage, long durationNs);
}
