package io.sluice.server.generation;

import io.sluice.batching.Timeline;
import io.sluice.batching.TokenStream;
import java.util.List;

/// What is counted and remembered about one request as it goes. Called on the request's threads, one after the other:
/// `refused` and nothing else, or `admitted`, then what happens, then `ended` exactly once.
public interface RequestMeter {

    /// Its prompts are tokens now; what follows is the decision.
    default void tokenised() {}

    /// The request was taken.
    void admitted(Admitted admitted);

    /// The request was not taken.
    ///
    /// @param reason one word of a small set
    void refused(String reason);

    /// Its first token arrived, `waitNs` after it was submitted.
    void firstToken(long waitNs);

    /// `count` further tokens of one choice arrived together, `gapNs` after the ones before.
    void furtherTokens(int count, long gapNs);

    /// A choice ended.
    void finished(Finish finish);

    /// All of its choices came to an end by themselves.
    void completed(long durationNs);

    /// Nothing more is computed for it, however it ended.
    ///
    /// @param usage what it took
    void ended(Usage usage);

    /// A taken request. A value.
    ///
    /// @param timelines one for each of its prompts, kept up by the engine
    /// @param revoke ends it for its key's sake, on any thread
    /// @param streams one for each of its choices, for whoever keeps what was said
    record Admitted(
            int promptTokens, int choices, List<Timeline> timelines, List<TokenStream> streams, Runnable revoke) {

        /// Of which nobody keeps what was said.
        public Admitted(int promptTokens, int choices, List<Timeline> timelines, Runnable revoke) {
            this(promptTokens, choices, timelines, List.of(), revoke);
        }
    }
}
