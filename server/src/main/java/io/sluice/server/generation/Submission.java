package io.sluice.server.generation;

import io.sluice.batching.Admission;
import io.sluice.server.quota.QuotaRefusal;
import java.time.Duration;

/// What became of a submitted request. A value.
public sealed interface Submission {

    /// It is on its way.
    record Started(Generation generation) implements Submission {}

    /// The engine does not take it.
    record Refused(Admission.Reason reason, String detail, Duration retryAfter) implements Submission {}

    /// Its caller's quota does not allow it.
    record OverQuota(QuotaRefusal refusal) implements Submission {}

    /// Prompt and wanted output are longer than the model's context.
    ///
    /// @param promptAlone the prompt leaves no room whatever the output's limit
    record TooLong(boolean promptAlone, String detail) implements Submission {}
}
