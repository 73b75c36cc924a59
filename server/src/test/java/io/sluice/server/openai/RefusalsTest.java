package io.sluice.server.openai;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.batching.Admission.Reason;
import io.sluice.batching.Caller;
import io.sluice.server.generation.Submission;
import io.sluice.server.http.ApiError;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/// What a refused client is told about coming back.
class RefusalsTest {
    @Test
    void aDeadlineThatNoWaitHelpsIsToldNoTime() {
        assertThat(retry(Reason.DEADLINE_TOO_SOON, Duration.ZERO)).isInstanceOf(ApiError.Retry.Unsaid.class);
    }

    @Test
    void oneThatTheQueueKeepsIsToldWhenItCouldBeMet() {
        assertThat(retry(Reason.DEADLINE_TOO_SOON, Duration.ofMillis(300)))
                .isEqualTo(new ApiError.Retry.After(Duration.ofMillis(300)));
    }

    @Test
    void whoFindsNoPlaceIsAlwaysToldATime() {
        for (Reason reason : new Reason[] {Reason.QUEUE_FULL, Reason.NO_CAPACITY, Reason.DRAINING}) {
            assertThat(retry(reason, Duration.ZERO)).isInstanceOf(ApiError.Retry.After.class);
        }
    }

    private static ApiError.Retry retry(Reason reason, Duration wait) {
        return Refusals.error(new Submission.Refused(reason, "why", wait), Caller.ANONYMOUS)
                .retry();
    }
}
