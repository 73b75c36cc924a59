package io.sluice.batching;

import java.util.Arrays;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Guesses what a second, smaller model would say, which has a runner and a KV cache of its own. Engine thread only,
/// which is the runner's.
///
/// The draft model chooses as the request asks, under the same seed: a draw at a position is the same number for both
/// models, so where they agree on what is likely they mostly agree on the token, also when it is drawn. A sequence's
/// tokens that the draft model has not seen are computed first, a step's worth each time: long prompts take several
/// steps until there are guesses.
final class DraftProposer implements Proposer {
    private static final System.Logger LOG = System.getLogger(DraftProposer.class.getName());

    private final ModelRunner runner;
    private final ModelLimits limits;
    private final StepPlan plan;
    private final Map<Sequence, Draft> drafts = new LinkedHashMap<>(16, 0.75f, true); // the one not used longest first
    private final int[] freeBlocks; // [0, freeCount)
    private int freeCount;
    private @Nullable Draft[] planned; // [slice]
    private int failuresInARow;

    /// Steps in a row of the draft model that fail, after which it is not asked again.
    private static final int FAILURES_MAX = 3;

    /// What the draft model knows of one sequence.
    private static final class Draft {
        final Sequence sequence;
        final SamplingParams sampling;
        final BlockTable table = new BlockTable();
        int[] tokens; // [0, tokenCount) the sequence's, then guesses
        int tokenCount;
        int computed; // of `tokens`
        TokenConstraint.@Nullable Progress ahead; // as far as `tokens`
        boolean goesOn; // wants another guess

        Draft(Sequence sequence) {
            this.sequence = sequence;
            sampling = sequence.sampling().withoutLogprobs();
            tokens = new int[sequence.tokenCount() + SpeculationSettings.TOKENS_MAX];
        }

        /// Takes the sequence's tokens over: what was computed of guesses that were wrong is worth nothing.
        void catchUp() {
            int count = sequence.tokenCount();
            int[] its = sequence.tokens();
            int same = 0;
            int known = Math.min(Math.min(computed, tokenCount), count);
            while (same < known && tokens[same] == its[same]) same++;
            // The last token is always computed, because its logits are needed.
            computed = Math.min(same, count - 1);
            int room = count + SpeculationSettings.TOKENS_MAX;
            if (tokens.length < room) tokens = Arrays.copyOf(tokens, Math.max(room, 2 * tokens.length));
            System.arraycopy(its, same, tokens, same, count - same);
            tokenCount = count;
            ahead = sequence.lookAhead();
            goesOn = true;
        }

        void append(int token) {
            tokens[tokenCount++] = token;
        }
    }

    /// @param runner becomes this one's
    DraftProposer(ModelRunner runner) {
        this.runner = runner;
        limits = runner.limits();
        plan = new StepPlan(limits);
        planned = new Draft[limits.sequencesMax()];
        freeBlocks = new int[limits.blockCount()];
        for (int block = 0; block < freeBlocks.length; block++) freeBlocks[freeCount++] = block;
    }

    @Override
    public void propose(@Nullable Sequence[] sequences, int count) {
        if (failuresInARow >= FAILURES_MAX) return;
        for (int i = 0; i < count; i++) {
            Sequence sequence = Invariant.present(sequences[i], "a sequence");
            drafts.computeIfAbsent(sequence, Draft::new).catchUp(); // and so used last
        }
        try {
            while (planStep(sequences, count)) takeIn(runner.launch(plan).await());
            failuresInARow = 0;
        } catch (ModelRunner.StepFailed failure) {
            failuresInARow++;
            String what = failuresInARow < FAILURES_MAX
                    ? "nothing is proposed in this step"
                    : "nothing is proposed any more until the server is started again";
            LOG.log(System.Logger.Level.WARNING, "the draft model could not be computed; " + what, failure);
            forgetAll();
        }
    }

    /// Plans the next token of each that goes on, and those before it that are not computed.
    ///
    /// @return false if there is nothing to do
    private boolean planStep(@Nullable Sequence[] sequences, int count) {
        plan.clear();
        for (int i = 0; i < count && plan.sliceCount() < limits.sequencesMax(); i++) {
            Draft draft = drafts.get(Invariant.present(sequences[i], "a sequence"));
            if (draft == null || !draft.goesOn) continue;
            int left = limits.stepTokensMax() - plan.tokenCount();
            int length = Math.min(left, draft.tokenCount - draft.computed);
            if (length == 0 || !cover(draft, draft.computed + length)) {
                draft.goesOn = false;
                continue;
            }
            planned[plan.sliceCount()] = draft;
            add(draft, length);
        }
        return plan.sliceCount() > 0;
    }

    private void add(Draft draft, int length) {
        Sequence sequence = draft.sequence;
        BlockTable table = draft.table;
        plan.add(draft.tokens, draft.computed, length, table.array(), limits.blocksFor((long) draft.computed + length));
        if (draft.computed + length < draft.tokenCount) return;
        plan.sample(
                draft.sampling,
                draft.tokens,
                sequence.promptLength(),
                sequence.request().endTokens());
        if (draft.ahead != null) plan.constrain(draft.ahead);
    }

    private void takeIn(StepResult result) {
        for (int slice = 0; slice < plan.sliceCount(); slice++) {
            Draft draft = Invariant.present(planned[slice], "a planned slice");
            draft.computed += plan.length(slice);
            draft.goesOn = plan.samples(slice) && takeIn(draft, result.token(slice));
        }
    }

    /// @return true if another guess may follow
    private static boolean takeIn(Draft draft, int token) {
        Sequence sequence = draft.sequence;
        if (token == StepResult.NO_TOKEN || sequence.request().isEndToken(token)) return false;
        Proposal proposal = sequence.proposal();
        proposal.add(token);
        draft.append(token);
        return proposal.count() < proposal.wanted() && (draft.ahead == null || draft.ahead.accept(token));
    }

    /// Gives the draft blocks up to position `end`, others' if there are no free ones.
    ///
    /// @return false if that cannot be
    private boolean cover(Draft draft, int end) {
        if (end > limits.contextMax()) return false;
        int needed = limits.blocksFor(end) - draft.table.count();
        while (freeCount < needed) {
            if (!giveUpOldest(draft)) return false;
        }
        for (int i = 0; i < needed; i++) draft.table.append(freeBlocks[--freeCount]);
        return true;
    }

    /// What was not used for longest makes room, if it is none of those that are being guessed for.
    private boolean giveUpOldest(Draft draft) {
        Iterator<Draft> oldestFirst = drafts.values().iterator();
        while (oldestFirst.hasNext()) {
            Draft oldest = oldestFirst.next();
            if (oldest == draft || oldest.sequence.proposal().wanted() > 0) continue;
            release(oldest);
            oldestFirst.remove();
            return true;
        }
        return false;
    }

    private void release(Draft draft) {
        while (draft.table.count() > 0) freeBlocks[freeCount++] = draft.table.removeLast();
    }

    @Override
    public void forget(Sequence sequence) {
        Draft draft = drafts.remove(sequence);
        if (draft != null) release(draft);
    }

    private void forgetAll() {
        drafts.values().forEach(this::release);
        drafts.clear();
    }

    /// Blocks of the draft model's cache that hold nothing, for tests.
    int freeBlocks() {
        return freeCount;
    }

    @Override
    public void close() {
        runner.close();
    }
}
