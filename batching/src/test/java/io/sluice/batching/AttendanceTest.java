package io.sluice.batching;

import static io.sluice.batching.RequestBuilder.request;
import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/// Readers may lag by four tokens, and stand still for a hundred nanoseconds.
class AttendanceTest {
    private static final int LAG_MAX = 4;
    private static final long STALL_NS = 100;

    private final SchedulerCounts counts = new SchedulerCounts();
    private final Attendance attendance = new Attendance(new EngineSettings(10, true, 16, LAG_MAX, STALL_NS), counts);
    private final Arrivals arrivals = new Arrivals(8);
    private final SequenceList running = SequenceList.byPrecedence();
    private final SequenceList waiting = SequenceList.byArrival();
    private final StepResult result = new StepResult(1);
    private final List<String> endings = new ArrayList<>();

    @Test
    void whoIsWantedGoesOn() {
        running();
        waiting(Deadlines.NONE);
        look(1000);
        assertThat(endings).isEmpty();
        assertThat(running.size() + waiting.size()).isEqualTo(2);
    }

    @Test
    void whoWasGivenUpEndsWhereverItIs() {
        Sequence runs = running();
        Sequence waits = waiting(Deadlines.NONE);
        runs.stream().cancel();
        look(0);
        assertThat(endings).containsExactly("CANCELLED ");
        waits.stream().cancel();
        attendance.announceNews();
        assertThat(attendance.hasNews()).isTrue();
        look(1);
        assertThat(endings).containsExactly("CANCELLED ", "CANCELLED ");
        assertThat(attendance.hasNews()).isFalse();
        assertThat(running.isEmpty() && waiting.isEmpty()).isTrue();
    }

    @Test
    void whoWaitsEndsAtItsFirstDeadlineWithoutAnyNews() {
        waiting(new Deadlines(50, 80));
        waiting(new Deadlines(70, 80));
        look(49);
        assertThat(endings).isEmpty();
        look(50);
        assertThat(endings).containsExactly("EXPIRED the deadline passed while the request was waiting");
        look(70);
        assertThat(endings).hasSize(2);
    }

    @Test
    void whoHasTokensHasUntilItsLastDeadline() {
        Sequence sequence = running(request().maxNewTokens(9).deadlines(new Deadlines(50, 80)));
        sequence.start(0);
        write(sequence, 2);
        look(50);
        assertThat(endings).isEmpty();
        look(80);
        assertThat(endings).containsExactly("EXPIRED the deadline passed after 2 of at most 9 tokens");
    }

    @Test
    void whoseReaderIsFarBehindStandsStillUntilItHasCaughtUpByHalf() throws InterruptedException {
        Sequence sequence = running();
        write(sequence, LAG_MAX - 1);
        look(0);
        assertThat(sequence.isPaused()).isFalse();
        write(sequence, 1);
        look(1);
        assertThat(sequence.isPaused()).isTrue();
        assertThat(sequence.pausedSinceNs()).isEqualTo(1);
        read(sequence, 1);
        look(2);
        assertThat(sequence.isPaused()).isTrue();
        read(sequence, 2);
        look(3);
        assertThat(sequence.isPaused()).isFalse();
        assertThat(counts.pauses()).isEqualTo(1);
        assertThat(sequence.submission().timeline().pauses()).isEqualTo(1);
        assertThat(endings).isEmpty();
    }

    @Test
    void whoStandsStillForTooLongEnds() {
        Sequence sequence = running();
        write(sequence, LAG_MAX);
        look(10);
        look(10 + STALL_NS - 1);
        assertThat(endings).isEmpty();
        look(10 + STALL_NS);
        assertThat(endings).containsExactly("STALLED the client has not read for longer than it may");
        assertThat(counts.pauses()).isEqualTo(1);
    }

    @Test
    void whoLostItsBlocksWhileItStoodStillIsLookedAtAllTheSame() {
        Sequence sequence = running();
        write(sequence, LAG_MAX);
        look(0);
        running.remove(sequence);
        waiting.insert(sequence);
        attendance.addWaiting(sequence);
        assertThat(attendance.hasPaused()).isTrue();
        look(STALL_NS);
        assertThat(endings).hasSize(1);
        assertThat(attendance.hasPaused()).isFalse();
    }

    @Test
    void oneThatEndsDoesNotHideTheNext() {
        for (int i = 0; i < 3; i++) waiting(new Deadlines(50, 50 + i));
        for (int i = 0; i < 3; i++) running().stream().cancel();
        Sequence kept = running();
        look(50);
        assertThat(endings).hasSize(6);
        assertThat(running.size()).isEqualTo(1);
        assertThat(running.first()).isSameAs(kept);
        assertThat(waiting.isEmpty()).isTrue();
    }

    @Test
    void aReaderThatCatchesUpOfWhomThatWasWaitedForIsNews() throws InterruptedException {
        var news = new ArrayList<String>();
        var stream = new TokenStream(9, SamplingParams.NO_LOGPROBS, () -> news.add("caught up"));
        result.set(0, 7, 0);
        stream.append(7, result, 0, 0);
        stream.await(0, Duration.ZERO);
        assertThat(news).isEmpty();
        stream.setPaused(true);
        stream.await(1, Duration.ZERO);
        assertThat(news).containsExactly("caught up");
    }

    private void look(long nowNs) {
        attendance.look(running, waiting, this::end, nowNs);
    }

    private void end(Sequence sequence, FinishReason reason, String detail, long nowNs) {
        endings.add(reason + " " + detail);
        sequence.setStatus(Sequence.Status.ENDED);
    }

    private Sequence running() {
        return running(request().maxNewTokens(9));
    }

    private Sequence running(RequestBuilder request) {
        Sequence sequence = arrivals.arrive(request);
        running.insert(sequence);
        return sequence;
    }

    private Sequence waiting(Deadlines deadlines) {
        Sequence sequence = arrivals.arrive(request().deadlines(deadlines));
        waiting.insert(sequence);
        attendance.addWaiting(sequence);
        return sequence;
    }

    private void write(Sequence sequence, int tokens) {
        for (int i = 0; i < tokens; i++) {
            result.set(0, i, 0);
            sequence.countSampled();
            sequence.stream().append(i, result, 0, 0);
        }
    }

    private static void read(Sequence sequence, int seen) throws InterruptedException {
        sequence.stream().await(seen, Duration.ZERO);
    }
}
