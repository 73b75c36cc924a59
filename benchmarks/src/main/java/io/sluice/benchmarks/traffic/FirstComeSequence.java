package io.sluice.benchmarks.traffic;

import io.sluice.batching.FinishReason;
import java.util.Arrays;

/// One request in a first-come engine: how far it is, and its blocks. One thread.
final class FirstComeSequence implements SimulatedEngine.Output {
    private final TrafficRequest request;
    private int[] blocks = new int[8]; // [0, blockCount)
    private int blockCount;
    private int labelled; // blocks whose contents others may find
    private int computed;
    private int sampled;
    private int cachedTokens = -1; // until it first started
    private int preemptions;
    private boolean ended;

    FirstComeSequence(TrafficRequest request) {
        this.request = request;
    }

    TrafficRequest request() {
        return request;
    }

    /// Prompt and output so far.
    int tokenCount() {
        return request.promptTokens() + sampled;
    }

    int computed() {
        return computed;
    }

    int uncomputed() {
        return tokenCount() - computed;
    }

    int blockCount() {
        return blockCount;
    }

    /// Starts, or starts again, with blocks that hold its first tokens already.
    void start(int reusedTokens) {
        computed = reusedTokens;
        labelled = blockCount;
        if (cachedTokens < 0) cachedTokens = reusedTokens;
    }

    void append(int block) {
        if (blockCount == blocks.length) blocks = Arrays.copyOf(blocks, 2 * blockCount);
        blocks[blockCount++] = block;
    }

    /// `length` more tokens are computed: full blocks can be found by others.
    void advance(int length, CachedBlocks pool) {
        computed += length;
        int size = DeviceModel.BLOCK_SIZE;
        while ((labelled + 1) * size <= computed) {
            pool.label(blocks[labelled], request.blockKey(labelled * size, (labelled + 1) * size));
            labelled++;
        }
    }

    /// Gives all blocks back, the last first, and forgets how far it was; its tokens stay.
    void release(CachedBlocks pool) {
        while (blockCount > 0) pool.release(blocks[--blockCount]);
        labelled = 0;
        computed = 0;
    }

    void preempt(CachedBlocks pool) {
        release(pool);
        preemptions++;
    }

    /// Takes in a sampled token; the one after its output ends it.
    void sample() {
        if (sampled == request.outputTokens()) ended = true;
        else sampled++;
    }

    @Override
    public int take() {
        return sampled;
    }

    @Override
    public boolean hasEnded() {
        return ended;
    }

    @Override
    public SimulatedEngine.Ended ended() {
        return new SimulatedEngine.Ended(true, FinishReason.STOP, Math.max(0, cachedTokens), preemptions);
    }
}
