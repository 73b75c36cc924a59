package io.sluice.batching;

import static io.sluice.batching.SimulationFailure.check;

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
    private final StepResult result;
    private final long[] cache; // [block, offset]
    private final long[] salts; // [block, offset], with whom the contents may be shared
    private final long[] hostCache; // [host block, offset]
    private final long[] hostSalts; // [host block, offset]
    private final int[] writtenInLaunch; // [block], the latest launch that wrote it
    private int launches;
    private int steps;
    private final Set<SimulatedChoice> cursed = new HashSet<>(); // cannot be computed in the current step
    private @Nullable StepPlan whole; // the plan whose parts are computed
    private int failures; // steps that failed, whole or in part
    private boolean ignoresConstraints;
    private boolean inFlight;
    private long plannedNs;
    private long trace = 1;
    private long computedTokens;

    ShadowRunner(SimulationKnobs knobs, World world, SplittableRandom random) {
        this.knobs = knobs;
        this.world = world;
        this.random = random;
        limits = knobs.limits();
        result = new StepResult(limits.sequencesMax());
        cache = new long[limits.blockCount() * limits.blockSize()];
        salts = new long[cache.length];
        hostCache = new long[limits.hostBlockCount() * limits.blockSize()];
        hostSalts = new long[hostCache.length];
        writtenInLaunch = new int[limits.blockCount()];
    }

    /// Makes it a device with a bug.
    void ignoreConstraints() {
        ignoresConstraints = true;
    }

    @Override
    public ModelLimits limits() {
        return limits;
    }

    @Override
    public InFlightStep launch(StepPlan plan) {
        check(!inFlight, "a step was launched before the last was awaited");
        inFlight = true;
        if (whole == null) begin(plan);
        long digest = digest(plan);
        trace = trace * 31 + digest;
        return () -> {
            if (plan == whole) world.duringStep();
            check(digest(plan) == digest, "a plan changed while it was in flight");
            inFlight = false;
            failOrCopy(plan);
            compute(plan);
            return result;
        };
    }

    /// A step that was planned, not a part of one that failed.
    private void begin(StepPlan plan) {
        whole = plan;
        plannedNs = world.nowNs();
        steps++;
        checkBudgets(plan);
        cursed.clear();
    }

    /// The step was applied: the next launch is a new one.
    void settle() {
        whole = null;
    }

    private void checkBudgets(StepPlan plan) {
        check(!plan.isEmpty(), "an empty plan was launched");
        check(plan.sliceCount() <= limits.sequencesMax(), "more slices than sequences may run");
        check(plan.sliceCount() == world.activeCount(), "a running sequence without a slice, or a paused one with one");
        check(plan.tokenCount() <= limits.stepTokensMax(), "more tokens than the step's budget");
        for (int slice = 0; slice < plan.sliceCount(); slice++) {
            world.choice(slice).wasPlanned = true;
            check(plan.length(slice) > 0, "an empty slice");
            check(plan.length(slice) <= knobs.settings().sliceTokensMax(), "a slice over its bound");
            for (int other = 0; other < slice; other++) {
                check(world.choice(slice) != world.choice(other), "two slices of one sequence");
            }
        }
    }

    /// Copies are made whatever becomes of the slices. A step may fail once, or because of some of its
    /// sequences; what it then leaves at its own positions is worth nothing.
    private void failOrCopy(StepPlan plan) {
        if (steps > knobs.deviceLossStep()) throw new DeviceLost("injected", new IllegalStateException("injected"));
        copy(plan);
        boolean fails = false;
        if (plan == whole && random.nextDouble() < knobs.stepFailureRate()) {
            failures++;
            fails = true;
            for (int slice = 0; slice < plan.sliceCount(); slice++) {
                if (random.nextInt(4) == 0) cursed.add(world.choice(slice));
            }
        }
        for (int slice = 0; slice < plan.sliceCount(); slice++) {
            SimulatedChoice choice = choice(plan, slice);
            if (!cursed.contains(choice)) continue;
            fails = true;
            if (plan.sliceCount() == 1) choice.stepFailed = true;
        }
        if (!fails) return;
        for (int slice = 0; slice < plan.sliceCount(); slice++) {
            for (int i = 0; i < plan.length(slice); i++)
                cache[slot(plan, slice, plan.firstPosition(slice) + i)] = POISON;
        }
        throw new StepFailed("injected", new IllegalStateException("injected"));
    }

    private void copy(StepPlan plan) {
        check(plan == whole || plan.copiesOutCount() + plan.copiesInCount() == 0, "copies are made once");
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

    /// The choice that a slice is of, also in a part of the plan: nobody else writes its last block.
    private SimulatedChoice choice(StepPlan plan, int slice) {
        if (plan == whole || whole == null) return world.choice(slice);
        int last = plan.block(slice, plan.blockCount(slice) - 1);
        for (int i = 0; i < whole.sliceCount(); i++) {
            if (whole.block(i, whole.blockCount(i) - 1) == last) return world.choice(i);
        }
        throw new IllegalStateException("a part holds a slice that the whole plan has not");
    }

    /// All slices read what was there before the step; only then all write.
    private void compute(StepPlan plan) {
        for (int slice = 0; slice < plan.sliceCount(); slice++) checkSlice(plan, slice, choice(plan, slice));
        launches++;
        for (int slice = 0; slice < plan.sliceCount(); slice++) {
            SimulatedChoice choice = choice(plan, slice);
            long fingerprint = write(plan, slice, choice.request.prefixScope());
            choice.computed += plan.length(slice);
            if (plan.samples(slice)) sample(plan, slice, choice, fingerprint);
        }
        computedTokens += plan.tokenCount();
    }

    private void checkSlice(StepPlan plan, int slice, SimulatedChoice choice) {
        int first = plan.firstPosition(slice);
        int end = first + plan.length(slice);
        int known = choice.promptLength() + choice.sampled;
        // Deadlines are looked at when a step is planned; time passes while it is in flight.
        check(plannedNs < choice.deadlineNs(), "a step was spent on expired work");
        check(end <= known, "a slice beyond the tokens of its sequence");
        check(plan.samples(slice) == (end == known), "a slice samples exactly if it ends at the last token");
        check(plan.blockCount(slice) == Math.ceilDiv(end, limits.blockSize()), "the table covers the slice's end");
        for (int i = 0; i < plan.length(slice); i++) {
            int token = plan.token(plan.tokenStart(slice) + i);
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
    }

    /// Writes the slice's positions and returns the last one's fingerprint, computed from what the cache
    /// holds.
    private long write(StepPlan plan, int slice, PrefixScope scope) {
        int first = plan.firstPosition(slice);
        long fingerprint = first == 0 ? UnbatchedModel.ROOT : cache[slot(plan, slice, first - 1)];
        for (int i = 0; i < plan.length(slice); i++) {
            int position = first + i;
            int block = plan.block(slice, position / limits.blockSize());
            boolean entersBlock = i == 0 || position % limits.blockSize() == 0;
            check(!entersBlock || writtenInLaunch[block] != launches, "a block is written by two sequences");
            writtenInLaunch[block] = launches;
            check(world.references(block) == 1, "a block that others refer to is written");
            fingerprint = UnbatchedModel.fingerprint(fingerprint, plan.token(plan.tokenStart(slice) + i), position);
            cache[slot(plan, slice, position)] = fingerprint;
            salts[slot(plan, slice, position)] = salt(scope, position);
        }
        return fingerprint;
    }

    /// With whom a position may be shared: whole blocks of a shared prefix with all who share it.
    private long salt(PrefixScope scope, int position) {
        int blockEnd = (position / limits.blockSize() + 1) * limits.blockSize();
        return blockEnd <= scope.sharedTokens() ? scope.sharedSalt() : scope.salt();
    }

    private void sample(StepPlan plan, int slice, SimulatedChoice choice, long fingerprint) {
        if (random.nextDouble() < knobs.notFiniteRate()) {
            choice.notFinite = true;
            poison(plan, slice);
            result.set(slice, StepResult.NO_TOKEN, 0);
            return;
        }
        int position = plan.firstPosition(slice) + plan.length(slice);
        long seed = plan.sampling(slice).seed();
        int token = UnbatchedModel.next(
                fingerprint, seed, limits.vocabSize(), it -> ignoresConstraints || plan.allows(slice, it));
        if (token == StepResult.NO_TOKEN) {
            result.set(slice, StepResult.NO_TOKEN, 0);
            return;
        }
        choice.sampled++;
        result.set(slice, token, UnbatchedModel.logprob(token, position));
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

    long computedTokens() {
        return computedTokens;
    }

    @Override
    public void close() {}
}
