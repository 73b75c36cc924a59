package io.sluice.batching;

import static io.sluice.batching.SimulationFailure.check;

import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/// A device that believes nothing. Each slot of its cache holds the fingerprint of the position, the token
/// and all tokens before it; every slice is checked against what the simulation knows of its choice, and the
/// next token is computed from what the cache really holds.
final class ShadowRunner implements ModelRunner {

    /// Which choice a slice is of, and what happens while a step is under way.
    interface World {
        SimulatedChoice choice(int slice);

        int references(int block);

        long nowNs();

        /// Running sequences whose readers keep up.
        int activeCount();

        void duringStep();
    }

    private static final long POISON = 2; // contents that nobody may read; no fingerprint is even

    private final SimulationKnobs knobs;
    private final ModelLimits limits;
    private final World world;
    private final SplittableRandom random;
    private final boolean feeds;
    private final StepResult[] results; // in turn: a step's is read while the next is under way
    private final long[] cache; // [block, offset]
    private final long[] salts; // [block, offset], with whom the contents may be shared
    private final long[] hostCache; // [host block, offset]
    private final long[] hostSalts; // [host block, offset]
    private final int[] writtenInLaunch; // [block], the latest launch that wrote it
    private int launches; // that were computed
    private int launched;
    private int steps;
    private final Set<SimulatedChoice> cursed = new HashSet<>(); // cannot be computed in the current step
    private final ArrayDeque<Flight> underWay = new ArrayDeque<>(); // in the order of their launch
    private @Nullable Flight failed; // in this turn: its plan's parts are computed
    private int failures; // steps that failed, whole or in part
    private boolean ignoresConstraints;
    private boolean believesGuesses;
    private long proposed; // tokens
    private long accepted;
    private long proposedUnderConstraint; // slices
    private long trace = 1;
    private long computedTokens;

    /// One launch.
    private static final class Flight {
        final StepPlan plan;
        final SimulatedChoice[] choices; // [slice]
        final StepResult result;
        final long plannedNs;
        final @Nullable Flight before; // whose tokens it takes
        final boolean isPart;
        boolean hasFailed;

        Flight(
                StepPlan plan,
                SimulatedChoice[] choices,
                StepResult result,
                long plannedNs,
                @Nullable Flight before,
                boolean isPart) {
            this.plan = plan;
            this.choices = choices;
            this.result = result;
            this.plannedNs = plannedNs;
            this.before = before;
            this.isPart = isPart;
        }

        /// Its sequence has ended since: what it computes is nobody's.
        boolean isForNothing(int slice) {
            return before != null && choices[slice].stream.ending().isPresent();
        }

        int token(int slice, int index) {
            int feeding = plan.feedingSlice(slice);
            if (feeding < 0) return plan.token(plan.tokenStart(slice) + index);
            check(before != null, "a slice takes a token of a step that is not under way");
            return before == null ? -1 : before.result.token(feeding);
        }
    }

    /// @param feeds steps may follow one that is under way
    ShadowRunner(SimulationKnobs knobs, World world, SplittableRandom random, boolean feeds) {
        this.feeds = feeds;
        this.knobs = knobs;
        this.world = world;
        this.random = random;
        limits = knobs.limits();
        results = new StepResult[] {newResult(), newResult()};
        cache = new long[limits.blockCount() * limits.blockSize()];
        salts = new long[cache.length];
        hostCache = new long[limits.hostBlockCount() * limits.blockSize()];
        hostSalts = new long[hostCache.length];
        writtenInLaunch = new int[limits.blockCount()];
    }

    private StepResult newResult() {
        return new StepResult(limits.sequencesMax(), proposedMax());
    }

    /// Makes it a device with a bug.
    void ignoreConstraints() {
        ignoresConstraints = true;
    }

    /// Another.
    void believeGuesses() {
        believesGuesses = true;
    }

    @Override
    public int proposedMax() {
        return SpeculationSettings.TOKENS_MAX;
    }

    @Override
    public ModelLimits limits() {
        return limits;
    }

    @Override
    public boolean canFeed() {
        return feeds;
    }

    @Override
    public InFlightStep launch(StepPlan plan) {
        boolean isFed = plan.sliceCount() > 0 && plan.feedingSlice(0) >= 0;
        check(underWay.size() == (isFed ? 1 : 0), "a step was launched before the last was awaited");
        Flight flight = new Flight(
                plan,
                choices(plan),
                results[launched++ % 2],
                failed == null ? world.nowNs() : failed.plannedNs,
                underWay.peekLast(),
                failed != null);
        if (!flight.isPart) begin(flight);
        underWay.add(flight);
        long digest = digest(plan);
        trace = trace * 31 + digest;
        return () -> {
            check(underWay.peek() == flight, "steps were awaited in another order than launched");
            if (!flight.isPart) world.duringStep();
            check(digest(plan) == digest, "a plan changed while it was in flight");
            underWay.remove();
            failOrCopy(flight);
            compute(flight);
            return flight.result;
        };
    }

    private SimulatedChoice[] choices(StepPlan plan) {
        var choices = new SimulatedChoice[plan.sliceCount()];
        for (int slice = 0; slice < choices.length; slice++)
            choices[slice] = failed == null ? world.choice(slice) : choiceOfPart(failed, plan, slice);
        return choices;
    }

    /// The choice that a slice of a part of the plan is of: nobody else writes its last block.
    private static SimulatedChoice choiceOfPart(Flight whole, StepPlan part, int slice) {
        int last = part.block(slice, part.blockCount(slice) - 1);
        for (int i = 0; i < whole.choices.length; i++) {
            if (whole.plan.block(i, whole.plan.blockCount(i) - 1) == last) return whole.choices[i];
        }
        throw new IllegalStateException("a part holds a slice that the whole plan has not");
    }

    /// A step that was planned, not a part of one that failed.
    private void begin(Flight flight) {
        steps++;
        checkBudgets(flight);
        if (flight.before == null) cursed.clear();
    }

    /// The step was applied: the next launch is a new one.
    void settle() {
        failed = null;
    }

    private void checkBudgets(Flight flight) {
        StepPlan plan = flight.plan;
        check(!plan.isEmpty(), "an empty plan was launched");
        check(plan.sliceCount() <= limits.sequencesMax(), "more slices than sequences may run");
        boolean isFed = flight.before != null;
        check(
                isFed ? plan.sliceCount() <= world.activeCount() : plan.sliceCount() == world.activeCount(),
                "a running sequence without a slice, or a paused one with one");
        check(plan.tokenCount() <= limits.stepTokensMax(), "more tokens than the step's budget");
        for (int slice = 0; slice < plan.sliceCount(); slice++) {
            flight.choices[slice].wasPlanned = true;
            check(
                    (plan.feedingSlice(slice) >= 0) == isFed,
                    "a step in which only some take tokens from the one before");
            check(plan.length(slice) > 0, "an empty slice");
            check(plan.length(slice) <= knobs.settings().sliceTokensMax(), "a slice over its bound");
            for (int other = 0; other < slice; other++) {
                check(flight.choices[slice] != flight.choices[other], "two slices of one sequence");
            }
        }
    }

    /// Copies are made whatever becomes of the slices. A step may fail once, or because of some of its
    /// sequences; what it then leaves at its own positions is worth nothing.
    private void failOrCopy(Flight flight) {
        if (steps > knobs.deviceLossStep()) throw new DeviceLost("injected", new IllegalStateException("injected"));
        StepPlan plan = flight.plan;
        copy(flight);
        boolean fails = flight.before != null && flight.before.hasFailed;
        if (!flight.isPart && random.nextDouble() < knobs.stepFailureRate()) {
            failures++;
            fails = true;
            for (int slice = 0; slice < plan.sliceCount(); slice++) {
                if (flight.before == null && random.nextInt(4) == 0) cursed.add(flight.choices[slice]);
            }
        }
        for (int slice = 0; slice < plan.sliceCount(); slice++) {
            SimulatedChoice choice = flight.choices[slice];
            if (!cursed.contains(choice) || flight.before != null) continue;
            fails = true;
            if (plan.sliceCount() == 1) choice.stepFailed = true;
        }
        if (!fails) return;
        flight.hasFailed = true;
        if (flight.before == null && failed == null) failed = flight;
        for (int slice = 0; slice < plan.sliceCount(); slice++) {
            for (int i = 0; i < plan.length(slice); i++)
                cache[slot(plan, slice, plan.firstPosition(slice) + i)] = POISON;
        }
        throw new StepFailed("injected", new IllegalStateException("injected"));
    }

    private void copy(Flight flight) {
        StepPlan plan = flight.plan;
        int copies = plan.copiesOutCount() + plan.copiesInCount();
        check(copies == 0 || (!flight.isPart && flight.before == null), "copies are made once");
        for (int i = 0; i < plan.copiesOutCount(); i++) {
            move(cache, plan.copyOutBlock(i), hostCache, plan.copyOutHostBlock(i));
            move(salts, plan.copyOutBlock(i), hostSalts, plan.copyOutHostBlock(i));
        }
        for (int i = 0; i < plan.copiesInCount(); i++) {
            check(world.references(plan.copyInBlock(i)) > 0, "a free block is copied into");
            move(hostCache, plan.copyInHostBlock(i), cache, plan.copyInBlock(i));
            move(hostSalts, plan.copyInHostBlock(i), salts, plan.copyInBlock(i));
        }
    }

    private void move(long[] from, int fromBlock, long[] to, int toBlock) {
        System.arraycopy(from, fromBlock * limits.blockSize(), to, toBlock * limits.blockSize(), limits.blockSize());
    }

    /// All slices read what was there before the step; only then all write.
    private void compute(Flight flight) {
        StepPlan plan = flight.plan;
        for (int slice = 0; slice < plan.sliceCount(); slice++) {
            if (!flight.isForNothing(slice)) checkSlice(flight, slice, flight.choices[slice]);
        }
        launches++;
        for (int slice = 0; slice < plan.sliceCount(); slice++) {
            if (flight.isForNothing(slice)) {
                cache[slot(plan, slice, plan.firstPosition(slice))] = POISON;
                flight.result.set(slice, 1, 0);
                continue;
            }
            SimulatedChoice choice = flight.choices[slice];
            write(flight, slice, choice.request.prefixScope());
            choice.computed += plan.length(slice) - plan.proposedCount(slice);
            report(plan, slice, choice);
            if (plan.samples(slice)) sampleAll(flight, slice, choice);
        }
        computedTokens += plan.tokenCount();
    }

    private void checkSlice(Flight flight, int slice, SimulatedChoice choice) {
        StepPlan plan = flight.plan;
        int first = plan.firstPosition(slice);
        int end = first + plan.length(slice) - plan.proposedCount(slice);
        int known = choice.promptLength() + choice.sampled;
        // Deadlines are looked at when a step is planned; time passes while it is in flight.
        check(flight.plannedNs < choice.deadlineNs(), "a step was spent on expired work");
        check(end <= known, "a slice beyond the tokens of its sequence");
        boolean samples = end == known && choice.request.wantsOutput();
        check(plan.samples(slice) == samples, "a slice samples exactly if it ends at the last token");
        checkProposed(plan, slice, choice, end);
        int covered = end + plan.proposedCount(slice);
        check(plan.blockCount(slice) == Math.ceilDiv(covered, limits.blockSize()), "the table covers the slice's end");
        for (int i = 0; i < end - first; i++) {
            int token = flight.token(slice, i);
            check(token == choice.truth[first + i], "a planned token differs from the true history");
        }
        for (int position = 0; position < first; position++) {
            int slot = slot(plan, slice, position);
            check(cache[slot] == choice.fingerprints[position], "a position before the slice holds other contents");
            check(
                    salts[slot] == salt(choice.request.prefixScope(), position),
                    "a position before the slice is another tenant's");
        }
        for (int index = 0; index < plan.blockCount(slice); index++) {
            check(world.references(plan.block(slice, index)) > 0, "a planned block is free");
        }
        if (plan.samples(slice)) checkSampling(plan, slice, choice, end);
    }

    private void checkProposed(StepPlan plan, int slice, SimulatedChoice choice, int end) {
        int count = plan.proposedCount(slice);
        if (count == 0) return;
        check(plan.samples(slice), "tokens proposed to a sequence that does not write");
        int last = choice.promptLength() + choice.request.maxNewTokens() - 1;
        check(end + count <= last, "a guess that the request's limit cuts off");
        int lag = knobs.settings().lagTokensMax();
        check(choice.stream.lag() + 1 + count <= lag, "more guesses than the reader may be behind");
        for (int i = 0; i < count; i++) {
            int token = plan.proposed(slice, i);
            check(token >= 0 && token < limits.vocabSize(), "a guess outside the vocabulary");
            check(!choice.request.isEndToken(token), "a guess that ends the sequence is worth nothing");
        }
    }

    private void checkSampling(StepPlan plan, int slice, SimulatedChoice choice, int end) {
        SamplingParams sampling = plan.sampling(slice);
        check(sampling.seed() == choice.seed, "a slice samples under another choice's seed");
        check(plan.promptLength(slice) == choice.promptLength(), "a slice names another prompt length");
        check(Arrays.equals(plan.endTokens(slice), choice.request.endTokens()), "a slice names other end tokens");
        check(plan.isConstrained(slice) == (choice.request.constraint() != null), "a slice without its constraint");
        check(plan.historyLength(slice) == (sampling.usesHistory() ? end : 0), "the history's length");
        for (int i = 0; i < plan.historyLength(slice); i++) {
            check(plan.history(slice, i) == choice.truth[i], "the history differs from the true tokens");
        }
        for (int i = 0; i < plan.proposedCount(slice) && sampling.usesHistory(); i++) {
            check(plan.history(slice, end + i) == plan.proposed(slice, i), "the history goes on with other guesses");
        }
    }

    private static void report(StepPlan plan, int slice, SimulatedChoice choice) {
        PromptReport report = plan.report(slice);
        if (report == null) return;
        for (int i = 0; i < plan.length(slice); i++) {
            int position = plan.firstPosition(slice) + i;
            boolean isLast = position + 1 == choice.promptLength();
            int next = plan.promptTokenAfter(slice, i);
            check(next == (isLast ? StepPlan.NO_TOKEN : choice.truth[position + 1]), "the prompt's next token");
            switch (report) {
                case PromptLogprobs logprobs -> {
                    if (isLast || !logprobs.set(position + 1, UnbatchedModel.logprob(next, position + 1), 1)) break;
                    for (int rank = 0; rank < logprobs.topMax(); rank++) logprobs.addTop(position + 1, rank, 0);
                }
                case PromptEmbedding embedding -> {
                    if (embedding.begin(position, 1)) embedding.add(0, choice.truth[position]);
                }
            }
        }
    }

    /// Writes the slice's positions, computed from what the cache holds.
    private void write(Flight flight, int slice, PrefixScope scope) {
        StepPlan plan = flight.plan;
        int first = plan.firstPosition(slice);
        long fingerprint = first == 0 ? UnbatchedModel.ROOT : cache[slot(plan, slice, first - 1)];
        for (int i = 0; i < plan.length(slice); i++) {
            int position = first + i;
            int block = plan.block(slice, position / limits.blockSize());
            boolean entersBlock = i == 0 || position % limits.blockSize() == 0;
            check(!entersBlock || writtenInLaunch[block] != launches, "a block is written by two sequences");
            writtenInLaunch[block] = launches;
            check(world.references(block) == 1, "a block that others refer to is written");
            fingerprint = UnbatchedModel.fingerprint(fingerprint, flight.token(slice, i), position);
            cache[slot(plan, slice, position)] = fingerprint;
            salts[slot(plan, slice, position)] = salt(scope, position);
        }
    }

    /// With whom a position may be shared: whole blocks of a shared prefix with all who share it.
    private long salt(PrefixScope scope, int position) {
        int blockEnd = (position / limits.blockSize() + 1) * limits.blockSize();
        return blockEnd <= scope.sharedTokens() ? scope.sharedSalt() : scope.salt();
    }

    private void sampleAll(Flight flight, int slice, SimulatedChoice choice) {
        StepPlan plan = flight.plan;
        int count = 0;
        while (count < plan.sampleCount(slice) && flight.result.isWanted(plan, slice, count)) {
            sample(flight, slice, count++, choice);
        }
        choice.computed += count - 1;
        proposed += plan.proposedCount(slice);
        accepted += count - 1;
        if (plan.proposedCount(slice) > 0 && plan.isConstrained(slice)) proposedUnderConstraint++;
    }

    private void sample(Flight flight, int slice, int index, SimulatedChoice choice) {
        StepPlan plan = flight.plan;
        StepResult result = flight.result;
        if (random.nextDouble() < knobs.notFiniteRate()) {
            choice.notFinite = true;
            poison(plan, slice);
            result.put(slice, index, StepResult.NO_TOKEN, 0);
            return;
        }
        int position = plan.samplePosition(slice, index);
        long fingerprint = cache[slot(plan, slice, position - 1)];
        long seed = plan.sampling(slice).seed();
        int token = UnbatchedModel.next(
                fingerprint, seed, limits.vocabSize(), it -> ignoresConstraints || plan.allows(slice, index, it));
        if (believesGuesses && index < plan.proposedCount(slice)) token = plan.proposed(slice, index);
        if (token == StepResult.NO_TOKEN) {
            result.put(slice, index, StepResult.NO_TOKEN, 0);
            return;
        }
        choice.sampled++;
        result.put(slice, index, token, UnbatchedModel.logprob(token, position));
        for (int rank = 0; rank < plan.sampling(slice).topLogprobs(); rank++) {
            result.addTop(slice, token + rank, UnbatchedModel.logprob(token + rank, position));
        }
    }

    /// What brought no finite number must not be reused; blocks that others share have served them well.
    private void poison(StepPlan plan, int slice) {
        for (int index = 0; index < plan.blockCount(slice); index++) {
            int block = plan.block(slice, index);
            if (world.references(block) > 1) continue;
            Arrays.fill(cache, block * limits.blockSize(), (block + 1) * limits.blockSize(), POISON);
        }
    }

    private int slot(StepPlan plan, int slice, int position) {
        return plan.block(slice, position / limits.blockSize()) * limits.blockSize() + position % limits.blockSize();
    }

    private static long digest(StepPlan plan) {
        long digest = plan.sliceCount();
        for (int slice = 0; slice < plan.sliceCount(); slice++) {
            digest = digest * 31 + plan.firstPosition(slice);
            digest = digest * 31 + (plan.samples(slice) ? plan.sampling(slice).seed() : 0);
            for (int index = 0; index < plan.blockCount(slice); index++)
                digest = digest * 31 + plan.block(slice, index);
        }
        for (int i = 0; i < plan.tokenCount(); i++) digest = digest * 31 + plan.token(i);
        for (int i = 0; i < plan.copiesOutCount(); i++) digest = digest * 31 + plan.copyOutHostBlock(i);
        for (int i = 0; i < plan.copiesInCount(); i++) digest = digest * 31 + plan.copyInBlock(i);
        return digest;
    }

    /// A hash of all plans so far.
    long trace() {
        return trace;
    }

    int steps() {
        return steps;
    }

    /// Steps that failed, whole or in part.
    int failures() {
        return failures;
    }

    long proposed() {
        return proposed;
    }

    long accepted() {
        return accepted;
    }

    /// Slices of constrained sequences that had tokens proposed.
    long proposedUnderConstraint() {
        return proposedUnderConstraint;
    }

    long computedTokens() {
        return computedTokens;
    }

    @Override
    public void close() {}
}
