package io.sluice.batching;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sluice.batching.Admission.Reason;
import io.sluice.batching.Admission.Refused;
import java.time.Duration;
import java.util.ArrayList;
import org.junit.jupiter.api.Test;

class AdmissionControllerTest {
    private static final long SECOND = 1_000_000_000L;
    private static final int WAITING_MAX = 20;
    private final ModelLimits limits = new ModelLimits(8, 4, 64, 16, 4, 100, 0);
    private final AdmissionController admission = new AdmissionController(limits, WAITING_MAX, 0);

    @Test
    void aRequestLongerThanTheContextNeverFits() {
        assertThat(refused(60, 5, 1).reason()).isEqualTo(Reason.NEVER_FITS);
        assertThat(refused(60, 5, 1).retryAfter()).isZero();
    }

    @Test
    void aRequestLargerThanTheWholeCacheNeverFits() {
        assertThat(refused(20, 13, 1).detail()).contains("20 prompt", "13 output", "32 tokens");
        assertThat(admission.openCount()).isZero();
    }

    @Test
    void aPassedDeadlineIsRefused() {
        var request = request(1, 1, Deadlines.last(5));
        assertThat(admission
                        .admit(new Submission(request, () -> {}), 5)
                        .orElseThrow()
                        .reason())
                .isEqualTo(Reason.DEADLINE_PASSED);
        assertThat(admission.admit(new Submission(request, () -> {}), 4)).isEmpty();
    }

    @Test
    void aFullQueueTellsWhenToComeBackFromTheMeasuredDrain() {
        var submissions = new ArrayList<Submission>();
        for (int i = 0; i < WAITING_MAX; i++) submissions.add(admitted());
        assertThat(refused(1, 1, 1).reason()).isEqualTo(Reason.QUEUE_FULL);
        assertThat(refused(1, 1, 1).retryAfter()).isEqualTo(Duration.ofSeconds(1)); // nothing is known yet
        for (int i = 0; i < 4; i++) admission.start(submissions.get(i));
        admission.measure(SECOND); // 4 in the first second
        for (int i = 0; i < 4; i++) admitted();
        assertThat(refused(1, 1, 1).retryAfter()).isEqualTo(Duration.ofSeconds(5));
        admission.measure(2 * SECOND); // and nobody in the second
        assertThat(refused(1, 1, 1).retryAfter()).isEqualTo(Duration.ofSeconds(10));
    }

    @Test
    void aRequestGivesItsPlaceBackExactlyOnce() {
        Submission submission = admitted();
        assertThat(admission.waitingCount()).isEqualTo(1);
        admission.start(submission);
        assertThat(admission.waitingCount()).isZero();
        assertThat(admission.openCount()).isEqualTo(1);
        admission.settle(submission);
        assertThat(admission.openCount()).isZero();
        assertThatThrownBy(() -> admission.settle(submission)).isInstanceOf(Invariant.Broken.class);
    }

    @Test
    void whatEndsInTheQueueLeavesTheQueue() {
        admission.settle(admitted());
        assertThat(admission.waitingCount()).isZero();
        assertThat(admission.openCount()).isZero();
    }

    @Test
    void drainingAndStoppingRefuse() {
        admission.startDraining();
        assertThat(refused(1, 1, 1).reason()).isEqualTo(Reason.DRAINING);
        admission.stop();
        assertThat(refused(1, 1, 1).reason()).isEqualTo(Reason.STOPPED);
        assertThat(admission.openCount()).isZero();
    }

    private Submission admitted() {
        var submission = new Submission(request(1, 1, Deadlines.NONE), () -> {});
        assertThat(admission.admit(submission, 0)).isEmpty();
        return submission;
    }

    private Refused refused(int promptLength, int maxNewTokens, long nowNs) {
        var submission = new Submission(request(promptLength, maxNewTokens, Deadlines.NONE), () -> {});
        return admission.admit(submission, nowNs).orElseThrow();
    }

    private static GenerationRequest request(int promptLength, int maxNewTokens, Deadlines deadlines) {
        return new GenerationRequest(
                "a",
                new int[promptLength],
                maxNewTokens,
                1,
                SamplingParams.GREEDY,
                new int[0],
                Caller.ANONYMOUS,
                PrefixScope.of(0),
                deadlines);
    }
}
