package io.sluice.batching;

import java.util.Random;

/// Sequences that run on real blocks, without a scheduler: a test starts, computes and ends them by hand.
final class RunningSequences {
    final BlockAllocator blocks;
    final HostBlocks host;
    final Reservations reservations;
    final Starter starter;
    final Arrivals arrivals;
    final SequenceList list = SequenceList.byPrecedence();
    final StepPlan plan;

    RunningSequences(ModelLimits limits) {
        EngineParts.Core core = EngineParts.REAL.core(limits, new EngineSettings(100, true, 512), new Random(1));
        blocks = core.blocks();
        host = core.host();
        reservations = core.reservations();
        starter = core.starter();
        arrivals = new Arrivals(limits.blockCount());
        plan = new StepPlan(limits);
    }

    Sequence arrive(RequestBuilder request) {
        return arrivals.arrive(request);
    }

    /// Starts a request whose tokens have room, and computes its prompt.
    Sequence run(RequestBuilder request) {
        Sequence sequence = arrive(request);
        start(sequence);
        compute(sequence);
        return sequence;
    }

    /// Gives a sequence the blocks that hold its beginning already, and reserves what it may need.
    void start(Sequence sequence) {
        int reused = blocks.reuse(sequence, null);
        sequence.setSharedBlocks(blocks.sharedCount(sequence));
        sequence.reach(reused);
        sequence.setStatus(Sequence.Status.RUNNING);
        reservations.reserve(sequence);
        list.insert(sequence);
    }

    /// Computes all tokens that the sequence has, and offers them to others.
    void compute(Sequence sequence) {
        blocks.cover(sequence, sequence.tokenCount());
        sequence.advance(sequence.uncomputed());
        blocks.offer(sequence);
    }

    /// One more output token, not computed yet.
    void write(Sequence sequence, int token) {
        sequence.countSampled();
        sequence.append(token);
    }

    void end(Sequence sequence) {
        blocks.release(sequence);
        reservations.release(sequence);
        list.remove(sequence);
        sequence.setStatus(Sequence.Status.ENDED);
    }

    /// Teaches the sequence's flow, its class and everybody that an output had so many tokens.
    void learn(RequestBuilder request, int outputLength) {
        Sequence sequence = arrive(request);
        for (int i = 0; i < outputLength; i++) sequence.countSampled();
        reservations.learn(sequence);
    }

    /// How often the tables of what runs hold each block.
    int[] held() {
        int[] held = new int[blocks.blockCount()];
        for (int i = 0; i < list.size(); i++) {
            BlockTable table = list.get(i).table();
            for (int b = 0; b < table.count(); b++) held[table.block(b)]++;
        }
        return held;
    }
}
