package io.sluice.batching;

/// Decides whether a sequence may start: whether what it is expected to hold at its longest fits beside what
/// all that run are. A guaranteed sequence reserves its longest possible output; the others a quantile of
/// what its flow's outputs
/// have been, as the class says. Hot path: no allocation. Engine thread only.
///
/// Not final: the tests plant one-line bugs by overriding single methods.
class Reservations {
    private final ModelLimits limits;
    private final BlockAllocator blocks;
    private final KvForecast forecast;
    private final OutputLengths outputs = new OutputLengths(); // of all flows, until a flow's own are known
    private int guaranteedBlocks; // what the guaranteed sequences that run may need in all

    Reservations(ModelLimits limits, BlockAllocator blocks) {
        this.limits = limits;
        this.blocks = blocks;
        forecast = new KvForecast(limits.sequencesMax());
    }

    /// Looks at what runs, before `fits` is asked; those that are leaving count as gone.
    void survey(SequenceList running) {
        int shared = blocks.blockCount() - blocks.freeCount();
        for (int i = 0; i < running.size(); i++) shared -= held(running.get(i));
        forecast.clear(Math.max(0, shared));
        for (int i = 0; i < running.size(); i++) {
            if (!running.get(i).isLeaving()) add(running.get(i));
        }
    }

    /// A sequence has started since the last survey.
    void add(Sequence sequence) {
        forecast.add(held(sequence), left(sequence));
    }

    /// True if the sequence's tenant may hold what it is expected to need.
    boolean isBelowCeiling(Sequence sequence) {
        return sequence.flow().account().mayReserve(limits.blocksFor(expectedTokens(sequence)));
    }

    /// True if the sequence and what was surveyed fit together at the worst moment to come. The blocks that
    /// it has already, because it found them computed, are its own as far as nobody else uses them.
    boolean fits(Sequence sequence) {
        int expected = limits.blocksFor(expectedTokens(sequence));
        // A guarantee counts on nobody's ending in time.
        if (sequence.isGuaranteed() && guaranteedBlocks + expected > blocks.blockCount()) return false;
        forecast.add(held(sequence), Math.max(0, expected - sequence.table().count()));
        boolean fits = forecast.fits(capacityFor(sequence));
        forecast.removeLast();
        return fits;
    }

    /// Blocks that cached prefixes of other tenants do not occupy for good.
    private long capacityFor(Sequence sequence) {
        return (long) blocks.blockCount() - (blocks.freeCount() - blocks.freeFor(sequence));
    }

    /// The most blocks in use at any moment to come, as far as is expected of what runs.
    int peak(SequenceList running) {
        survey(running);
        return (int) Math.min(Integer.MAX_VALUE, forecast.peak());
    }

    /// The sequence has started: its tenant's account holds what it is expected to need.
    void reserve(Sequence sequence) {
        int tokens = expectedTokens(sequence);
        int expected = limits.blocksFor(tokens);
        sequence.flow().account().reserve(expected - sequence.reservedBlocks());
        if (sequence.isGuaranteed()) guaranteedBlocks += expected - sequence.reservedBlocks();
        sequence.setReserved(tokens, expected);
    }

    /// The sequence has grown beyond what was expected: expect more.
    void outgrow(Sequence sequence) {
        if (sequence.tokenCount() > sequence.reservedTokens()) reserve(sequence);
    }

    /// The sequence runs no more.
    void release(Sequence sequence) {
        sequence.flow().account().reserve(-sequence.reservedBlocks());
        if (sequence.isGuaranteed()) guaranteedBlocks -= sequence.reservedBlocks();
        sequence.setReserved(0, 0);
    }

    /// How long the outputs of all flows were.
    OutputLengths outputs() {
        return outputs;
    }

    /// An output has ended by itself, or because nobody wanted more of it.
    void learn(Sequence sequence) {
        outputs.add(sequence.sampled());
        sequence.flow().outputs().add(sequence.sampled());
        sequence.flow().classQueue().outputs().add(sequence.sampled());
    }

    /// What the sequence will have at its longest, prompt included.
    int expectedTokens(Sequence sequence) {
        GenerationRequest request = sequence.request();
        int longest = (int) request.tokenCountMax();
        if (sequence.isGuaranteed()) return longest;
        double quantile = request.caller().trafficClass().reserveQuantile();
        int output = sequence.flow().outputs().quantile(quantile, sequence.sampled());
        if (output == OutputLengths.UNKNOWN) {
            output = sequence.flow().classQueue().outputs().quantile(quantile, sequence.sampled());
        }
        if (output == OutputLengths.UNKNOWN) output = outputs.quantile(quantile, sequence.sampled());
        if (output == OutputLengths.UNKNOWN) return longest;
        return (int) Math.min(longest, (long) sequence.promptLength() + output);
    }

    /// Blocks that the sequence gives back when it ends.
    private static int held(Sequence sequence) {
        return sequence.table().count() - sequence.sharedBlocks();
    }

    private static int left(Sequence sequence) {
        return Math.max(0, sequence.reservedBlocks() - sequence.table().count());
    }
}
