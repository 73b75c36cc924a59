package io.sluice.batching;

import org.jspecify.annotations.Nullable;

/// Decides whether a sequence may start: whether what it is expected to hold at its longest fits beside what
/// all that run are. A guaranteed sequence reserves its longest possible output; the others a quantile of
/// what its flow's outputs have been, as the class says. Hot path: no allocation. Engine thread only.
///
/// Not final: the tests plant one-line bugs by overriding single methods.
class Reservations {
    private final ModelLimits limits;
    private final BlockAllocator blocks;
    private final KvForecast forecast;
    private final OutputLengths outputs = new OutputLengths(); // of all flows, until a flow's own are known
    private int expectedTokens; // of the sequence that was looked at last
    private double marginSquared; // in blocks squared, of the same
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
        forecast.add(heldSoon(sequence), left(sequence, sequence.reservedBlocks()), sequence.reservedMarginSquared());
    }

    /// True if the sequence's tenant may hold what it is expected to need.
    boolean isBelowCeiling(Sequence sequence) {
        expect(sequence);
        return sequence.flow().account().mayReserve(limits.blocksFor(expectedTokens));
    }

    /// True if the sequence and what was surveyed fit together at the worst moment to come. The blocks that
    /// it has already, because it found them computed, are its own as far as nobody else uses them.
    boolean fits(Sequence sequence) {
        expect(sequence);
        int expected = limits.blocksFor(expectedTokens);
        // A guarantee counts on nobody's ending in time.
        if (sequence.isGuaranteed() && guaranteedBlocks + expected > blocks.blockCount()) return false;
        forecast.add(heldSoon(sequence), left(sequence, expected), marginSquared);
        boolean fits = forecast.fits(capacityFor(sequence));
        forecast.removeLast(marginSquared);
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
        expect(sequence);
        int expected = limits.blocksFor(expectedTokens);
        sequence.flow().account().reserve(expected - sequence.reservedBlocks());
        if (sequence.isGuaranteed()) guaranteedBlocks += expected - sequence.reservedBlocks();
        sequence.setReserved(expectedTokens, expected, marginSquared);
    }

    /// The sequence has grown beyond what was expected: expect more.
    void outgrow(Sequence sequence) {
        if (sequence.tokenCount() > sequence.reservedTokens()) reserve(sequence);
    }

    /// The sequence runs no more.
    void release(Sequence sequence) {
        sequence.flow().account().reserve(-sequence.reservedBlocks());
        if (sequence.isGuaranteed()) guaranteedBlocks -= sequence.reservedBlocks();
        sequence.setReserved(0, 0, 0);
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

    /// Looks up what the sequence will have at its longest, prompt included, and how sure that is.
    private void expect(Sequence sequence) {
        GenerationRequest request = sequence.request();
        expectedTokens = (int) request.tokenCountMax();
        marginSquared = 0;
        double quantile = request.caller().trafficClass().reserveQuantile();
        if (reservesAll(sequence) || quantile == 1) return;
        OutputLengths.Outlook outlook = outlook(sequence);
        if (outlook == null) return;
        expectedTokens = Math.min(expectedTokens, sequence.promptLength() + (int) Math.ceil(outlook.mean()));
        double deviations = deviations(quantile) / limits.blockSize();
        marginSquared = deviations * deviations * outlook.variance();
    }

    /// True if the sequence reserves blocks for its longest possible output.
    boolean reservesAll(Sequence sequence) {
        return sequence.isGuaranteed();
    }

    private OutputLengths.@Nullable Outlook outlook(Sequence sequence) {
        int sampled = sequence.sampled();
        int most = sequence.request().maxNewTokens();
        OutputLengths.Outlook outlook = sequence.flow().outputs().outlook(sampled, most);
        if (outlook == null) outlook = sequence.flow().classQueue().outputs().outlook(sampled, most);
        return outlook != null ? outlook : outputs.outlook(sampled, most);
    }

    /// How many standard deviations above its mean a normally distributed sum stays below with a probability.
    static double deviations(double quantile) {
        for (int i = 1; i < NORMAL.length; i++) {
            double[] above = NORMAL[i];
            double[] below = NORMAL[i - 1];
            if (quantile > above[0]) continue;
            double part = Math.max(0, (quantile - below[0]) / (above[0] - below[0]));
            return below[1] + part * (above[1] - below[1]);
        }
        return NORMAL[NORMAL.length - 1][1];
    }

    /// The standard normal distribution's quantiles, as tables have them.
    private static final double[][] NORMAL = {
        {0.5, 0},
        {0.6, 0.253},
        {0.7, 0.524},
        {0.8, 0.842},
        {0.9, 1.282},
        {0.95, 1.645},
        {0.98, 2.054},
        {0.99, 2.326},
        {0.999, 3.09}
    };

    /// Blocks that the sequence gives back when it ends.
    private static int held(Sequence sequence) {
        return sequence.table().count() - sequence.sharedBlocks();
    }

    /// The same once all tokens that it has are computed. A prompt is there within a few steps, whatever the
    /// others write meanwhile.
    private int heldSoon(Sequence sequence) {
        return tableSoon(sequence) - sequence.sharedBlocks();
    }

    private int left(Sequence sequence, int expected) {
        return Math.max(0, expected - tableSoon(sequence));
    }

    private int tableSoon(Sequence sequence) {
        return Math.max(sequence.table().count(), limits.blocksFor(sequence.tokenCount()));
    }
}
