package io.sluice.batching;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/// Decides to which of the sequences that write tokens are proposed in a step, and how many: those that, as likely
/// as they are right, bring more than the time costs that they take. Hot path: no allocation once it has grown.
/// Engine thread only.
///
/// A step of `W` sequences that write takes `T` and brings `W` tokens. A proposed token that takes `t` is worth its
/// place if it is right with a probability above `t W / T`: then tokens per second grow. On an idle device a step's
/// time is that of its weights, and `t` next to nothing; the more sequences write, the less there is to gain, until
/// not even certainty pays. Both times are `StepTimeModel`'s; the probability is what was measured of the sequence,
/// and of all until that says something.
///
/// Prompts come first: whatever a step has to spare is theirs.
///
/// Not final: the tests plant one-line bugs by overriding single methods.
class Speculation {

    /// A gain that is smaller than what is not known exactly is none.
    private static final double MARGIN = 1.1;

    /// Of the steps that could have proposals, one in so many has none: what a step takes without them could not be
    /// told from what they take if it were never seen.
    private static final int STEPS_PER_PLAIN = 32;

    /// Steps of a sequence, after which it is tried again although its guesses were wrong: text changes. Where they are
    /// too dear, whoever's they are, one is tried of all: what was measured may be wrong.
    private static final int STEPS_PER_TRIAL = 32;

    /// Believed of a guess before the first.
    private static final double FIRST_BELIEF = 0.5;

    private final SpeculationSettings settings;
    private final EngineSettings engineSettings;
    private final Proposer proposer;
    private final StepTimeModel times;
    private final BlockAllocator blocks;
    private final SpeculationCounts counts = new SpeculationCounts();
    private final Acceptance overall = new Acceptance();
    private @Nullable Sequence[] wanting = new Sequence[8]; // [0, wantingCount)
    private int wantingCount;
    private int steps; // that could have proposals
    private int latestTrial; // step

    Speculation(EngineSettings settings, Proposer proposer, StepTimeModel times, BlockAllocator blocks) {
        this.settings = settings.speculation();
        engineSettings = settings;
        this.proposer = proposer;
        this.times = times;
        this.blocks = blocks;
    }

    /// Has tokens proposed to the sequences that run and write.
    ///
    /// @param left tokens that the step has besides one for each that runs
    /// @param prompts how many have prompt left, and want the step's time for that
    /// @param budget has looked at what runs
    void propose(SequenceList running, int left, int prompts, StepBudget budget) {
        if (!settings.isOn()) return;
        clear();
        if (prompts > 0) {
            counts.countHeld(SpeculationCounts.Held.PROMPTS, budget.writing());
            return;
        }
        if (++steps % STEPS_PER_PLAIN == 0) return;
        choose(running, left, budget);
        if (wantingCount == 0) return;
        proposer.propose(wanting, wantingCount);
        for (int i = 0; i < wantingCount; i++) settle(wanting(i));
    }

    /// Nobody wants what was guessed for the step before; neither do those that do not run any more.
    private void clear() {
        for (int i = 0; i < wantingCount; i++) wanting(i).proposal().clear();
        Arrays.fill(wanting, 0, wantingCount, null);
        wantingCount = 0;
    }

    /// Decides who wants how many.
    private void choose(SequenceList running, int left, StepBudget budget) {
        double needed = neededProbability(budget.writing());
        int tokens = Math.min(left, budget.proposedTokensMax());
        for (int i = 0; i < running.size() && tokens > 0; i++) {
            Sequence sequence = running.get(i);
            int possible = Math.min(tokens, possible(sequence));
            if (possible <= 0) continue;
            Proposal proposal = sequence.proposal();
            int worth = worth(proposal, needed, possible);
            if (worth == 0) continue;
            proposal.want(worth);
            tokens -= worth;
            add(sequence);
        }
    }

    /// True if guesses were asked for in the step that was planned last.
    boolean isTrying() {
        return wantingCount > 0;
    }

    private void add(Sequence sequence) {
        if (wantingCount == wanting.length) wanting = Arrays.copyOf(wanting, wantingCount * 2);
        wanting[wantingCount++] = sequence;
    }

    private Sequence wanting(int index) {
        return Invariant.present(wanting[index], "a sequence that wants guesses");
    }

    /// How likely a guess has to be right to be worth its time; above 1 nothing is.
    private double neededProbability(int writing) {
        double tokenNs = times.proposedTokenNs();
        if (!times.isSettled() || tokenNs == 0) return 0;
        // If guesses are blamed for all that steps have taken, there is none without them to tell, and will be now.
        return MARGIN * writing * tokenNs / Math.max(1, times.predict(writing, 0));
    }

    /// The most tokens that may be proposed to the sequence, whatever they bring: none that its limit would cut
    /// off, none that its reader would be too far behind for, none without room.
    int possible(Sequence sequence) {
        GenerationRequest request = sequence.request();
        boolean writes = !sequence.isPaused() && sequence.uncomputed() == 1 && request.wantsOutput();
        if (!writes || sequence.isReporting()) return 0;
        int most = Math.min(settings.tokensMax(), request.maxNewTokens() - sequence.sampled() - 1);
        most = Math.min(most, engineSettings.sliceTokensMax() - 1);
        most = Math.min(most, engineSettings.lagTokensMax() - sequence.stream().lag() - 1);
        return (int) Math.min(most, blocks.spareRoom(sequence) - 1);
    }

    /// How many guesses are likely enough to be right, all before them included. One from time to time, to find out
    /// whether that is still so.
    private int worth(Proposal proposal, double needed, int possible) {
        int idleSteps = proposal.countStep();
        double rate = rate(proposal);
        if (needed <= rate) {
            double count = needed <= 0 || rate >= 1 ? possible : Math.log(needed) / Math.log(rate);
            return (int) Math.clamp(count, 1, possible);
        }
        boolean tries = needed <= 1 ? idleSteps >= STEPS_PER_TRIAL : steps - latestTrial >= STEPS_PER_TRIAL;
        if (tries) {
            latestTrial = steps;
            return 1;
        }
        counts.countHeld(needed > 1 ? SpeculationCounts.Held.LOAD : SpeculationCounts.Held.ACCEPTANCE, 1);
        return 0;
    }

    private double rate(Proposal proposal) {
        return proposal.acceptance().rate(overall.rate(FIRST_BELIEF));
    }

    /// Gives the guesses their blocks. Cuts off what would not be computed for anything: a guess that ends the
    /// sequence brings nothing, and neither does what comes after one that its constraint forbids.
    private void settle(Sequence sequence) {
        Proposal proposal = sequence.proposal();
        // Those before it have taken blocks meanwhile.
        proposal.cut((int) Math.min(usable(sequence, proposal), blocks.spareRoom(sequence) - 1));
        if (proposal.count() == 0) {
            counts.countHeld(SpeculationCounts.Held.NOTHING_FOUND, 1);
            return;
        }
        blocks.cover(sequence, sequence.computed() + 1 + proposal.count());
        proposal.resetSteps();
    }

    private static int usable(Sequence sequence, Proposal proposal) {
        if (proposal.count() == 0) return 0;
        TokenConstraint.Progress ahead = sequence.lookAhead();
        for (int i = 0; i < proposal.count(); i++) {
            int token = proposal.tokens()[i];
            if (sequence.request().isEndToken(token)) return i;
            if (ahead != null && (!ahead.accept(token) || ahead.isOver())) return i;
        }
        return proposal.count();
    }

    /// Takes in that of the tokens proposed to a sequence the first `right` were right.
    void learn(Sequence sequence, int proposed, int right) {
        sequence.proposal().acceptance().learn(proposed, right);
        overall.learn(proposed, right);
        counts.count(proposed, right);
        sequence.submission().timeline().countProposed(proposed, right);
    }

    /// The sequence has ended.
    void forget(Sequence sequence) {
        if (settings.isOn()) proposer.forget(sequence);
    }

    /// What was proposed so far, and what became of it.
    EngineStats.Speculated speculated() {
        return counts.speculated(settings.isOn() ? overall.rate(FIRST_BELIEF) : 0);
    }

    /// @param proposedMax of one slice, that the runner takes
    /// @throws IllegalArgumentException if that is less than the settings say
    void requireRunner(int proposedMax) {
        if (!settings.isOn() || settings.tokensMax() <= proposedMax) return;
        throw new IllegalArgumentException("up to " + settings.tokensMax() + " proposed tokens, but this device takes "
                + (proposedMax == 0 ? "none: turn speculation off" : proposedMax + ": propose fewer"));
    }
}
