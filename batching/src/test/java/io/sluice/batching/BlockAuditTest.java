package io.sluice.batching;

import static io.sluice.batching.RequestBuilder.request;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class BlockAuditTest {
    private static final ModelLimits LIMITS = new ModelLimits(16, 4, 64, 16, 4, 1000, 8);

    private final RunningSequences running = new RunningSequences(LIMITS);
    private final SequenceList waiting = SequenceList.byArrival();
    private final BlockAudit audit = new BlockAudit(LIMITS, running.blocks, running.host);

    @Test
    void whereEveryBlockHasAnOwnerNothingIsFound() {
        writing(8);
        writing(8); // shares the first one's blocks
        waiting.insert(running.arrive(request()));
        audit.countLeaked(running.list);
        assertThat(audit.leaked()).isZero();
        audit.check(running.list, waiting);
    }

    @Test
    void blocksThatBelongToNobodyAreCountedUntilTheyAreFound() {
        Sequence lost = writing(11);
        writing(3);
        running.list.remove(lost);
        audit.countLeaked(running.list);
        assertThat(audit.leaked()).isEqualTo(3);
        assertThatThrownBy(() -> audit.check(running.list, waiting)).isInstanceOf(Invariant.Broken.class);
        running.list.insert(lost);
        audit.countLeaked(running.list);
        assertThat(audit.leaked()).isZero();
        audit.check(running.list, waiting);
    }

    @Test
    void aReferenceTooManyToASharedBlockIsALeakToo() {
        writing(8);
        Sequence lost = writing(8);
        running.list.remove(lost);
        audit.countLeaked(running.list);
        // The first block is shared; the second holds the token whose logits are needed, and each has its own.
        assertThat(audit.leaked()).isEqualTo(lost.table().count());
    }

    @Test
    void aBlockThatWasReleasedTooOftenIsFound() {
        Sequence sequence = writing(3);
        int block = sequence.table().block(0);
        running.blocks.release(sequence);
        sequence.table().append(block);
        assertBroken("reference counts");
    }

    @Test
    void aRunningSequenceThatIsInAWrongStateIsFound() {
        Sequence sequence = writing(7);
        sequence.setStatus(Sequence.Status.WAITING);
        assertBroken("status");
        sequence.setStatus(Sequence.Status.RUNNING);
        audit.check(running.list, waiting);
        sequence.advance(1);
        assertBroken("nothing left to compute");
        sequence.append(1);
        sequence.append(1);
        audit.check(running.list, waiting);
        sequence.advance(1); // the ninth token has no block
        assertBroken("table");
    }

    @Test
    void aWaitingSequenceThatOwnsSomethingIsFound() {
        Sequence sequence = running.arrive(request().promptLength(8));
        waiting.insert(sequence);
        audit.check(running.list, waiting);
        sequence.setReserved(8, 2, 0);
        assertBroken("reserves blocks");
        sequence.setReserved(0, 0, 0);
        sequence.advance(4);
        assertBroken("computed tokens");
        sequence.rewind();
        sequence.table().append(3);
        assertBroken("owns blocks");
        sequence.table().removeLast();
        sequence.setStatus(Sequence.Status.RUNNING);
        assertBroken("status");
    }

    @Test
    void aParkedSequenceHoldsAsManyHostBlocksAsItHasComputed() {
        Sequence sequence = writing(11);
        running.list.remove(sequence);
        assertThat(running.starter.takeAway(sequence, running.plan)).isTrue();
        waiting.insert(sequence);
        audit.check(running.list, waiting);
        int lost = sequence.hostTable().removeLast();
        assertBroken("host blocks");
        sequence.hostTable().append(lost);
        waiting.remove(sequence);
        assertBroken("host block");
    }

    private void assertBroken(String what) {
        assertThatThrownBy(() -> audit.check(running.list, waiting))
                .isInstanceOf(Invariant.Broken.class)
                .hasMessageContaining(what);
    }

    /// A sequence with a computed prompt whose next token is not computed.
    private Sequence writing(int promptLength) {
        Sequence sequence = running.run(request().promptLength(promptLength).maxNewTokens(10));
        running.write(sequence, 5);
        return sequence;
    }
}
