package io.sluice.server.records;

import io.sluice.batching.GenerationRequest;
import io.sluice.batching.SamplingParams;
import io.sluice.batching.Timeline;

/// What the engine did for one prompt of a request, as it was at some moment; `NOT_YET` for what had not
/// happened. A value that keeps no prompt alive.
public record EnginePart(
        int promptTokens,
        int outputTokensMax,
        int choices,
        int sharedPrefixTokens,
        SamplingParams sampling,
        Timeline.Forecast forecast,
        long admittedNs,
        long startedNs,
        long firstTokenNs,
        long endedNs,
        Work work) {

    public static final long NOT_YET = Timeline.NOT_YET;

    /// What it cost. A value.
    public record Work(
            int preemptions,
            int parks,
            int pauses,
            int steps,
            long computedTokens,
            int cachedTokens,
            long deviceNs,
            long proposedTokens,
            long acceptedTokens,
            long blockNs) {}

    static EnginePart of(Timeline timeline) {
        // The end first: what is read after it is final.
        long endedNs = timeline.endedNs();
        GenerationRequest request = timeline.request();
        return new EnginePart(
                request.prompt().length,
                request.maxNewTokens(),
                request.choiceCount(),
                request.prefixScope().sharedTokens(),
                request.sampling(),
                timeline.forecast(),
                timeline.admittedNs(),
                timeline.startedNs(),
                timeline.firstTokenNs(),
                endedNs,
                new Work(
                        timeline.preemptions(),
                        timeline.parks(),
                        timeline.pauses(),
                        timeline.steps(),
                        timeline.computedTokens(),
                        timeline.cachedTokens(),
                        timeline.deviceNs(),
                        timeline.proposedTokens(),
                        timeline.acceptedTokens(),
                        timeline.blockNs()));
    }
}
