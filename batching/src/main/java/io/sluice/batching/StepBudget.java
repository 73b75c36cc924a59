package io.sluice.batching;

/// Decides how much prompt a step takes in, so that whoever is writing does not wait too long for the next
/// token: as much as fits into the tightest target of those that run, by what steps have taken lately. Hot
/// path: no allocation. Engine thread only.
///
/// Without a target, prompts may make a step not quite twice as long as it is without any: that is what keeps
/// the others' inter-token latency within twice its steady value while a long prompt is computed. A prompt
/// token is the dearer the more tokens are before it, so a long prompt's slices get shorter towards its end.
class StepBudget {
    private static final double STEADY_FACTOR = 1.85;

    /// Half of all steps take longer than predicted; a target is to be kept by more than half.
    private static final double CAUTION = 0.92;

    /// Prompts get on, however tight the target: by the time of so many tokens, with as many before them as
    /// lately, or of a quarter of a step, if that is less.
    private static final int PROMPT_TOKENS_MIN = 16;

    private static final double PROMPT_PART_MIN = 0.25;

    /// More than nothing: where prompts are found to cost nothing, as many tokens as there are fit into it.
    private static final double SOMETHING_NS = 1;

    /// Of the steps that take prompt in while others write, so many have one that takes in next to none: what
    /// a step takes without prompts could not be told from what prompts take if it were never seen, and the
    /// budget would grow with every step that it made longer.
    private static final int STEPS_PER_PROBE = 8;

    private final int stepTokensMax;
    private final StepTimeModel times;
    private int mixedSteps;
    private int writing;
    private long targetNs;

    StepBudget(ModelLimits limits, StepTimeModel times) {
        stepTokensMax = limits.stepTokensMax();
        this.times = times;
    }

    /// A step is going to be planned: looks at what runs.
    void begin(SequenceList running) {
        survey(running);
        boolean mixed = writing > 0 && writing < StepShares.activeCount(running);
        mixedSteps = mixed ? (mixedSteps + 1) % STEPS_PER_PROBE : 0;
    }

    /// Looks at what runs, before the questions below are asked.
    void survey(SequenceList running) {
        writing = 0;
        targetNs = TrafficClass.NO_TARGET;
        for (int i = 0; i < running.size(); i++) {
            Sequence sequence = running.get(i);
            if (sequence.isPaused() || sequence.uncomputed() > 1) continue;
            writing++;
            targetNs = Math.min(
                    targetNs, sequence.request().caller().trafficClass().tokenGapTargetNs());
        }
    }

    /// Sequences that run and only write.
    int writing() {
        return writing;
    }

    /// The most tokens of a step, whatever they take.
    int tokensMax() {
        return stepTokensMax;
    }

    /// The time that prompts may take in the step that is planned.
    double promptNs() {
        return mixedSteps == STEPS_PER_PROBE - 1 ? 0 : usualPromptNs();
    }

    /// The time that prompts may take in a step; without end if nobody waits for it or nothing is known.
    private double usualPromptNs() {
        long aloneNs = times.predict(writing, 0);
        if (writing == 0 || !times.isSettled()) return Double.POSITIVE_INFINITY;
        double withinNs = targetNs == TrafficClass.NO_TARGET ? STEADY_FACTOR * aloneNs : CAUTION * targetNs;
        double fewNs = times.predict(writing, PROMPT_TOKENS_MIN) - (double) aloneNs;
        double leastNs = Math.max(SOMETHING_NS, Math.min(fewNs, PROMPT_PART_MIN * aloneNs));
        return Math.max(leastNs, withinNs - aloneNs);
    }

    /// What `count` prompt tokens take, before the first of which there are `position`.
    double promptNs(int count, int position) {
        return count * (times.promptTokenNs() + times.pairNs() * (position + count / 2.0));
    }

    /// The most prompt tokens, at most `most`, that take no longer than `ns`, before the first of which there
    /// are `position`.
    int promptTokensWithin(double ns, int position, int most) {
        if (most <= 0 || ns <= 0) return 0;
        if (promptNs(most, position) <= ns) return most;
        // The positive root of pairNs / 2 * count^2 + firstNs * count - ns.
        double firstNs = times.promptTokenNs() + times.pairNs() * position;
        double root = Math.sqrt(firstNs * firstNs + 2 * times.pairNs() * ns);
        return (int) Math.clamp(2 * ns / (firstNs + root), 0, most);
    }

    /// How many prompt tokens a step has time for, with as many tokens before them as lately; at least one.
    int promptTokensMax() {
        double budgetNs = usualPromptNs();
        if (budgetNs == Double.POSITIVE_INFINITY) return stepTokensMax;
        double fullNs = times.predict(writing, stepTokensMax) - times.predict(writing, 0);
        if (fullNs <= budgetNs) return stepTokensMax;
        return (int) Math.max(1, stepTokensMax * budgetNs / fullNs);
    }

    /// The most tokens that may be proposed to those that write: together with what they take anyway they stay
    /// within the tightest target.
    int proposedTokensMax() {
        if (targetNs == TrafficClass.NO_TARGET || !times.isSettled()) return stepTokensMax;
        double spareNs = CAUTION * targetNs - times.predict(writing, 0);
        double eachNs = times.proposedTokenNs();
        return eachNs * stepTokensMax <= spareNs ? stepTokensMax : (int) Math.max(0, spareNs / eachNs);
    }

    /// True if one more sequence that writes leaves the step within the tightest target.
    boolean hasTimeForOneMore(Sequence sequence) {
        long tightestNs =
                Math.min(targetNs, sequence.request().caller().trafficClass().tokenGapTargetNs());
        if (tightestNs == TrafficClass.NO_TARGET || writing == 0 || !times.isSettled()) return true;
        return times.predict(writing + 1, 0) <= CAUTION * tightestNs;
    }
}
