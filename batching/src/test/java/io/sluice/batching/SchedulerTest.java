package io.sluice.batching;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.util.List;
import org.junit.jupiter.api.Test;

/// Policy: in which order, in which pieces. The simulation says whether an answer is right; these say what
/// it waits for.
class SchedulerTest {

    @Test
    void aLongPromptIsComputedInSlicesAndFreezesNobody() {
        var harness = new SchedulerHarness(limits(32, 4, 12, 4), 8);
        harness.submit("a", 0, 2, 10, 1);
        assertThat(harness.step()).isEqualTo("a[0,2)*");
        harness.submit("long", 100, 20, 10, 1);
        harness.submit("b", 50, 3, 10, 1);
        assertThat(harness.steps(4))
                .containsExactly(
                        "a[2,3)* long[0,8) b[0,3)*",
                        "a[3,4)* b[3,4)* long[8,16)",
                        "a[4,5)* b[4,5)* long[16,20)*",
                        "a[5,6)* long[20,21)* b[5,6)*");
    }

    /// Four blocks of four tokens; readers may lag by four tokens.
    @Test
    void whoseReaderLagsGivesWayAlsoIfNothingElseGetsOn() {
        var settings = new EngineSettings(1000, true, 16, 4, EngineSettings.STALL_NS);
        var harness = new SchedulerHarness(new ModelLimits(4, 4, 64, 16, 4, 1000, 0), settings);
        harness.submit("a", 0, 8, 8, 1);
        harness.step();
        harness.submit("b", 100, 4, 4, 1); // there is no room for it, and nobody who gives way
        assertThat(harness.steps(3)).containsExactly("a[8,9)*", "a[9,10)*", "a[10,11)*");
        assertThat(harness.step()).isEqualTo("b[0,4)*"); // nobody reads what a writes
    }

    @Test
    void aTokenIsKeptBackForEachYoungerSequenceWhenTheBudgetIsShort() {
        var harness = new SchedulerHarness(limits(32, 4, 6, 4), 100);
        harness.submit("a", 0, 20, 5, 1);
        assertThat(harness.step()).isEqualTo("a[0,6)");
        harness.submit("b", 50, 3, 5, 1);
        // The running one takes the whole budget: there is no room to start another.
        assertThat(harness.steps(3)).containsExactly("a[6,12)", "a[12,18)", "a[18,20)* b[0,3)*");
    }

    @Test
    void theYoungestGivesItsBlocksBackAndIsComputedAgainLater() {
        var harness = new SchedulerHarness(limits(4, 4, 16, 4), 16);
        learnShortOutputs(harness);
        TokenStream a = harness.submit("a", 0, 4, 9, 1).getFirst();
        TokenStream b = harness.submit("b", 50, 4, 9, 1).getFirst();
        assertThat(harness.steps(5))
                .containsExactly(
                        "a[0,4)* b[0,4)*", "a[4,5)* b[4,5)*", "a[5,6)* b[5,6)*", "a[6,7)* b[6,7)*", "a[7,8)* b[7,8)*");
        assertThat(harness.step()).isEqualTo("a[8,9)*");
        assertThat(b.count()).isEqualTo(5);
        assertThat(harness.steps(3)).containsExactly("a[9,10)*", "a[10,11)*", "a[11,12)*");
        assertThat(a.ending()).isPresent();
        // Its first block's contents survived in the free list; the second was taken by a.
        assertThat(harness.step()).isEqualTo("b[4,9)*");
        assertThat(b.count()).isEqualTo(6);
    }

    @Test
    void withHostMemoryTheYoungestIsParkedAndComesBackUncomputed() {
        var harness = new SchedulerHarness(new ModelLimits(4, 4, 64, 16, 4, 1000, 8), 16);
        learnShortOutputs(harness);
        harness.submit("a", 0, 4, 9, 1);
        TokenStream b = harness.submit("b", 50, 4, 9, 1).getFirst();
        harness.steps(5);
        assertThat(harness.step()).isEqualTo("out:2 a[8,9)*");
        assertThat(harness.steps(3)).containsExactly("a[9,10)*", "a[10,11)*", "a[11,12)*");
        // Its first block is still on the device.
        assertThat(harness.step()).isEqualTo("in:1 b[8,9)*");
        assertThat(b.count()).isEqualTo(6);
    }

    @Test
    void aStreamIsParkedForTheSecondOfABurstToo() {
        var harness = new SchedulerHarness(new ModelLimits(20, 4, 64, 16, 4, 1000, 20), 16);
        harness.submit(new Caller(Tenant.ANONYMOUS, TrafficClass.BATCH), "batch", 0, 4, 40, 1);
        harness.steps(10);
        var people = new Caller(new Tenant("people", 1, 0, 1), TrafficClass.INTERACTIVE);
        harness.submit(people, "first", 100, 4, 28, 1);
        harness.submit(people, "second", 200, 4, 28, 1);
        // There is room for the first beside it, not for both.
        assertThat(harness.step()).isEqualTo("batch[13,14)* first[0,4)*");
        assertThat(harness.step()).isEqualTo("out:4 first[4,5)* second[0,4)*");
        // Of its four blocks, three are still on the device.
        assertThat(harness.steps(30))
                .filteredOn(step -> step.contains("batch"))
                .first()
                .isEqualTo("in:1 second[30,31)* batch[14,15)*");
    }

    @Test
    void whoRunsAloneLeavesAnothersFloorAloneAsLongAsThereAreOtherBlocks() {
        var harness = new SchedulerHarness(limits(8, 4, 16, 4), 16);
        var careful = new Caller(new Tenant("careful", 1, 0.5, 1), TrafficClass.STANDARD);
        var sweeper = new Caller(new Tenant("sweeper", 1, 0, 1), TrafficClass.STANDARD);
        harness.submit(careful, "careful", 0, 13, 1, 1);
        harness.step();
        for (int i = 1; i <= 5; i++) {
            harness.submit(sweeper, "sweep", 100 * i, 13, 1, 1);
            harness.step();
        }
        harness.submit(careful, "careful", 0, 13, 1, 1);
        assertThat(harness.step()).isEqualTo("careful[12,13)*");
        // What needs more than the others are not promised gets on all the same.
        harness.submit(sweeper, "large", 700, 30, 1, 1);
        assertThat(harness.steps(3)).containsExactly("large[0,16)", "large[16,20)", "large[20,30)*");
    }

    @Test
    void whoRunsFirstTakesTheBlocksOfWhoComesAfterItBeforeAFloor() {
        var harness = new SchedulerHarness(limits(8, 4, 16, 4), 16);
        var careful = new Caller(new Tenant("careful", 1, 0.5, 1), TrafficClass.STANDARD);
        harness.submit(careful, "careful", 0, 13, 1, 1);
        harness.step();
        learnShortOutputs(harness);
        harness.submit("a", 100, 4, 16, 1);
        harness.submit("b", 200, 4, 16, 1);
        harness.steps(20);
        harness.submit(careful, "careful", 0, 13, 1, 1);
        assertThat(harness.steps(20))
                .filteredOn(step -> step.contains("careful"))
                .first()
                .asString()
                .contains("careful[12,13)*");
    }

    /// Teaches the anonymous flow that outputs are one token long, so that no more is reserved.
    private static void learnShortOutputs(SchedulerHarness harness) {
        for (int i = 0; i < OutputLengths.SAMPLES_MIN; i++) {
            harness.submit("short", 900 + i, 1, 1, 1);
            harness.step();
        }
    }

    @Test
    void whoCameFirstIsNotOvertakenBySmallerRequests() {
        var harness = new SchedulerHarness(limits(4, 4, 16, 4), 16);
        harness.submit("a", 0, 8, 4, 1);
        harness.submit("big", 50, 12, 2, 1);
        harness.submit("small", 80, 1, 1, 1);
        assertThat(harness.steps(4)).containsExactly("a[0,8)*", "a[8,9)*", "a[9,10)*", "a[10,11)*");
        // All four blocks may be needed for its longest output.
        assertThat(harness.steps(2)).containsExactly("big[0,12)*", "big[12,13)*");
        assertThat(harness.step()).isEqualTo("small[0,1)*");
    }

    @Test
    void choicesWaitForTheFirstOnesPromptAndShareItsFullBlocks() {
        var harness = new SchedulerHarness(limits(16, 4, 32, 4), 32);
        List<TokenStream> streams = harness.submit("a", 0, 10, 3, 3);
        assertThat(harness.steps(2)).containsExactly("a[0,10)*", "a[10,11)* a/1[8,10)* a/2[8,10)*");
        // Two shared blocks, and one of its own for each.
        assertThat(harness.freeBlocks()).isEqualTo(16 - 5);
        harness.steps(2);
        for (TokenStream stream : streams) assertThat(stream.count()).isEqualTo(3);
        assertThat(harness.freeBlocks()).isEqualTo(16);
    }

    @Test
    void anEqualPromptIsTakenFromTheCacheButForItsLastToken() {
        var harness = new SchedulerHarness(limits(16, 4, 32, 4), 32);
        harness.submit("a", 0, 8, 1, 1);
        assertThat(harness.step()).isEqualTo("a[0,8)*");
        TokenStream again = harness.submit("again", 0, 8, 1, 1).getFirst();
        assertThat(harness.step()).isEqualTo("again[4,8)*");
        assertThat(again.ending().orElseThrow().cachedTokens()).isEqualTo(4);
    }

    @Test
    void aCancelledSequenceGivesItsBlocksBackInTheNextPlan() {
        var harness = new SchedulerHarness(limits(16, 4, 32, 4), 32);
        TokenStream stream = harness.submit("a", 0, 8, 10, 1).getFirst();
        harness.step();
        stream.cancel();
        assertThat(harness.scheduler.plan(0).isEmpty()).isTrue();
        assertThat(harness.freeBlocks()).isEqualTo(16);
        assertThat(stream.ending().orElseThrow().reason()).isEqualTo(FinishReason.CANCELLED);
    }

    @Test
    void aPlanStaysAsItWasWhileTheNextIsMade() {
        var harness = new SchedulerHarness(limits(16, 4, 32, 4), 32);
        harness.submit("a", 7, 3, 10, 1);
        StepPlan first = harness.scheduler.plan(0);
        harness.apply(first);
        StepPlan second = harness.scheduler.plan(0);
        assertThat(second).isNotSameAs(first);
        assertThat(first.tokenCount()).isEqualTo(3);
        assertThat(first.token(0)).isEqualTo(7);
        assertThatThrownBy(() -> harness.apply(first)).isInstanceOf(Invariant.Broken.class);
    }

    @Test
    void planningAndApplyingAllocateNothingInSteadyState() {
        int sequences = 256;
        var harness = new SchedulerHarness(new ModelLimits(sequences * 64, 16, 1024, 512, sequences, 5000, 0), 512);
        for (int i = 0; i < sequences; i++) harness.submit("s" + i, i, 32, 900, 1);
        // Past the last growth of the tokens' own storage before output 770: arrays for 810 tokens, streams
        // for 1,024.
        while (harness.scheduler.counts().work().sampledTokens() < 640L * sequences) {
            harness.apply(harness.scheduler.plan(0));
        }
        var threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long before = threads.getCurrentThreadAllocatedBytes();
        long baseline = threads.getCurrentThreadAllocatedBytes() - before;
        before = threads.getCurrentThreadAllocatedBytes();
        int steps = 100;
        for (int i = 0; i < steps; i++) harness.apply(harness.scheduler.plan(0));
        long allocated = threads.getCurrentThreadAllocatedBytes() - before - baseline;
        assertThat(allocated).as("bytes in " + steps + " steps").isLessThan(steps);
    }

    private static ModelLimits limits(int blockCount, int blockSize, int stepTokensMax, int sequencesMax) {
        return new ModelLimits(blockCount, blockSize, 64, stepTokensMax, sequencesMax, 1000, 0);
    }
}
