package io.sluice.batching;

/// Decides how many tokens a step takes in, so that whoever is writing does not wait too long for the next
/// token: as many prompt tokens as fit into the tightest target of those that run, by what steps have taken
/// lately. Hot path: no allocation. Engine thread only.
///
/// Without a target, prompt tokens may make a step twice as long as it is without any: that is what keeps the
/// others' inter-token latency within twice its steady value while a long prompt is computed.
class StepBudget {
    private static final int STEADY_FACTOR = 2;

    /// Half of all steps take longer than predicted; a target is to be kept by more than half.
    private static final double CAUTION = 0.92;

    /// Prompts get on, however tight the target.
    private static final int PROMPT_TOKENS_MIN = 16;

    private final int stepTokensMax;
    private final StepTimeModel times;
    private int writing;
    private long targetNs;

    StepBudget(ModelLimits limits, StepTimeModel times) {
        stepTokensMax = limits.stepTokensMax();
        this.times = times;
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

    /// The most tokens of this step, over all sequences.
    ///
    /// @param running sequences that run and are not paused: each gets a token at least
    int tokensMax(int running) {
        return Math.min(stepTokensMax, Math.max(running, writing + promptTokensMax()));
    }

    /// The most of them that may be prompt tokens; at least one.
    int promptTokensMax() {
        if (writing == 0) return stepTokensMax;
        long aloneNs = times.predict(writing, 0);
        if (aloneNs == StepTimeModel.UNKNOWN) return stepTokensMax;
        long withinNs = targetNs == TrafficClass.NO_TARGET ? STEADY_FACTOR * aloneNs : (long) (CAUTION * targetNs);
        int tokens = times.promptTokensWithin(withinNs, writing, stepTokensMax);
        return Math.max(PROMPT_TOKENS_MIN, tokens);
    }

    /// True if one more sequence that writes leaves the step within the tightest target.
    boolean hasTimeForOneMore(Sequence sequence) {
        long tightestNs =
                Math.min(targetNs, sequence.request().caller().trafficClass().tokenGapTargetNs());
        if (tightestNs == TrafficClass.NO_TARGET || writing == 0) return true;
        long ns = times.predict(writing + 1, 0);
        return ns == StepTimeModel.UNKNOWN || ns <= CAUTION * tightestNs;
    }
}
