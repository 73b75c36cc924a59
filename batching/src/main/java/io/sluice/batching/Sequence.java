package io.sluice.batching;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/// One choice of a request inside the engine: its tokens, how many of them are computed, and the blocks that
/// hold those. `[0, computed)` is in the cache, `[computed, tokenCount)` is still to be computed; there are
/// no phases. Engine thread only once submitted.
final class Sequence {

    /// Where a sequence is; exactly one of the scheduler's lists, or none.
    enum Status {
        /// Owns no blocks.
        WAITING,
        /// Its computed tokens are in host memory; owns no blocks of the device.
        PARKED,
        /// Owns the blocks of its computed tokens.
        RUNNING,
        /// Its stream has ended; owns no blocks.
        ENDED
    }

    private static final int GROWTH_MIN = 64;

    /// Output tokens that a sequence has room for from its start on, so that steps in which everybody writes allocate
    /// nothing: 32 KiB for each that runs, next to which its keys and values are megabytes. Longer outputs grow.
    private static final int OUTPUT_ROOM = 4096;

    private static final long NOT_STARTED = -1;
    private static final long AFTER_STARTED = 1L << 47;

    private final Submission submission;
    private final int choice;
    private final SamplingParams sampling;
    private final TokenStream stream;
    private final BlockTable table = new BlockTable();
    private final BlockTable hostTable =
            new BlockTable(); // the blocks that hold its computed tokens while it is parked
    private final PrefixChain chain;
    private final TokenConstraint.@Nullable Progress progress; // through the request's constraint, if it has one

    private TokenConstraint.@Nullable Progress ahead; // looks ahead of `progress`; made when first needed
    private final Proposal proposal = new Proposal();

    private final @Nullable PromptReport report; // of the first choice: what is found out about the prompt

    private Status status = Status.WAITING;
    private boolean returning; // waits before all flows, because it or a sibling has started already
    private boolean aside; // passed over in the plan that is being made
    private boolean privileged; // may take blocks that are protected from its tenant
    private boolean leaving; // looked at as gone, while room is being sought
    private boolean paused; // its reader is too far behind
    private long pausedSinceNs;
    private int reservedTokens; // what it is expected to have at its longest, while it runs
    private double reservedMarginSquared; // how unsure that is, in blocks squared
    private int reservedBlocks; // its tenant's account holds these for it
    private int sharedBlocks; // of its table, those it found computed
    private int chargedTokens; // computed for it at least once, or cached
    private int stepsSinceStart; // since it last got its blocks
    private int[] tokens; // [0, tokenCount); the request's own prompt, unwritten, until the first output token
    private int tokenCount;
    private int computed;
    private int fed; // planned beyond what the steps under way were told, each a token that is not known yet
    private int sampled;
    private int cachedTokens;
    private boolean started;
    private long order;
    private long startOrder = NOT_STARTED;

    Sequence(Submission submission, int choice, Runnable wakeEngine) {
        GenerationRequest request = submission.request();
        this.submission = submission;
        this.choice = choice;
        sampling = choice == 0 ? request.sampling() : request.sampling().withSeed(seed(request, choice));
        report = choice == 0 ? PromptReport.of(request.promptWish(), request.prompt()) : null;
        stream = new TokenStream(request.maxNewTokens(), request.sampling().topLogprobs(), wakeEngine, report);
        chain = new PrefixChain(request.prefixScope());
        TokenConstraint constraint = request.constraint();
        progress = constraint == null ? null : constraint.begin();
        tokens = request.prompt();
        tokenCount = tokens.length;
    }

    /// The seed of a choice: the request's own for the first, so that `n` does not change it; well mixed for
    /// the rest.
    static long seed(GenerationRequest request, int choice) {
        long seed = request.sampling().seed();
        if (choice == 0) return seed;
        long mixed = seed + choice * 0x9e3779b97f4a7c15L;
        mixed = (mixed ^ (mixed >>> 30)) * 0xbf58476d1ce4e5b9L;
        mixed = (mixed ^ (mixed >>> 27)) * 0x94d049bb133111ebL;
        return mixed ^ (mixed >>> 31);
    }

    /// Appends a sampled token, which is not computed yet.
    void append(int token) {
        if (tokenCount == tokens.length) tokens = Arrays.copyOf(tokens, grownCapacity());
        tokens[tokenCount++] = token;
    }

    private int grownCapacity() {
        long grown = tokenCount + Math.max(GROWTH_MIN, (long) tokenCount / 2);
        return Math.toIntExact(Math.min(grown, request().tokenCountMax()));
    }

    /// The sequence's blocks hold `length` further tokens.
    void advance(int length) {
        computed += length;
        Invariant.check(computed <= tokenCount, "more tokens computed than the sequence has");
    }

    /// At least `length` tokens are computed: so many were found in blocks that it has taken over.
    void reach(int length) {
        if (length > computed) advance(length - computed);
    }

    /// Its blocks were taken back.
    void forgetBlocks() {
        chain.reset();
        sharedBlocks = 0;
    }

    /// Back to nothing computed; tokens stay, so that nothing generated is lost.
    void rewind() {
        computed = 0;
    }

    /// Tokens that a step follows another for, which is under way itself: its blocks have room for them.
    int ahead() {
        return fed;
    }

    void countAhead(int change) {
        fed += change;
        Invariant.check(fed >= 0, "more steps of a sequence were settled than followed others");
    }

    void countSampled() {
        sampled++;
    }

    void setStatus(Status status) {
        this.status = status;
    }

    /// Notes the first start, with the tokens that need not be computed.
    void start(int reusedTokens) {
        started = true;
        makeRoom();
        cachedTokens = Math.min(reusedTokens, promptLength());
    }

    /// Not before it starts: whoever waits may never write a token.
    private void makeRoom() {
        int room = Math.min(OUTPUT_ROOM, request().maxNewTokens());
        if (report == null) tokens = Arrays.copyOf(tokens, Math.toIntExact((long) tokenCount + room));
        stream.reserve(room);
    }

    /// Sets where the sequence stands among all others.
    ///
    /// @param arrival place in the order of arrival over all sequences
    void setOrder(long arrival) {
        order = arrival;
    }

    /// Sets where the sequence stands among those that run, from its first start on.
    ///
    /// @param start place in the order of first starts over all sequences
    void setStartOrder(long start) {
        startOrder = start;
    }

    /// Its place among all that run: the guaranteed first, then by rank, then by first start; who has not started
    /// comes after them, by arrival. Whoever is last gives way first. Not by arrival alone: a tenant whose requests
    /// have waited for long would take the steps' tokens from one whose turn it was before.
    long precedence() {
        TrafficClass trafficClass = request().caller().trafficClass();
        long rank = trafficClass.guaranteed() ? 0 : trafficClass.rank() + 1L;
        return rank << 48 | (startOrder == NOT_STARTED ? AFTER_STARTED | order : startOrder);
    }

    /// True if it is never made to give its blocks up.
    boolean isGuaranteed() {
        return request().caller().trafficClass().guaranteed();
    }

    Flow flow() {
        return submission.flow();
    }

    long arrivedNs() {
        return submission.timeline().admittedNs();
    }

    boolean isReturning() {
        return returning;
    }

    void setReturning(boolean goesBeforeFlows) {
        returning = goesBeforeFlows;
    }

    boolean isSetAside() {
        return aside;
    }

    void setAside(boolean passedOver) {
        aside = passedOver;
    }

    boolean isLeaving() {
        return leaving;
    }

    /// It may be about to be parked.
    void setLeaving(boolean mayLeave) {
        leaving = mayLeave;
    }

    boolean isPrivileged() {
        return privileged;
    }

    /// It may take any free block.
    void setPrivileged(boolean takesAny) {
        privileged = takesAny;
    }

    boolean isPaused() {
        return paused;
    }

    long pausedSinceNs() {
        return pausedSinceNs;
    }

    void pause(long nowNs) {
        paused = true;
        pausedSinceNs = nowNs;
        stream.setPaused(true);
    }

    void resume() {
        paused = false;
        stream.setPaused(false);
    }

    int reservedTokens() {
        return reservedTokens;
    }

    int reservedBlocks() {
        return reservedBlocks;
    }

    /// How much more it may need than is expected, squared, in blocks squared.
    double reservedMarginSquared() {
        return reservedMarginSquared;
    }

    void setReserved(int tokens, int blocks, double marginSquared) {
        reservedTokens = tokens;
        reservedMarginSquared = marginSquared;
        reservedBlocks = blocks;
    }

    int sharedBlocks() {
        return sharedBlocks;
    }

    void setSharedBlocks(int count) {
        sharedBlocks = count;
    }

    /// Takes note that all tokens up to `length` were computed or cached at least once.
    ///
    /// @return how many of them are new
    int chargeUpTo(int length) {
        int fresh = Math.max(0, length - chargedTokens);
        chargedTokens += fresh;
        return fresh;
    }

    /// Tokens that were computed for it at least once, or cached.
    int chargedTokens() {
        return chargedTokens;
    }

    int stepsSinceStart() {
        return stepsSinceStart;
    }

    void countStep() {
        stepsSinceStart++;
    }

    void resetSteps() {
        stepsSinceStart = 0;
    }

    TokenStream.Ending ending(FinishReason reason, String detail) {
        return new TokenStream.Ending(reason, detail, promptLength(), cachedTokens, sampled);
    }

    /// When no step is spent on the sequence any more.
    long deadlineNs() {
        return request().deadlines().of(sampled > 0);
    }

    Submission submission() {
        return submission;
    }

    GenerationRequest request() {
        return submission.request();
    }

    int choice() {
        return choice;
    }

    SamplingParams sampling() {
        return sampling;
    }

    TokenStream stream() {
        return stream;
    }

    /// How far the output has come in its constraint: as far as the last appended token. Null without one.
    TokenConstraint.@Nullable Progress progress() {
        return progress;
    }

    /// A second way through its constraint, now as far as the last appended token, that may be led on from there;
    /// null without a constraint.
    TokenConstraint.@Nullable Progress lookAhead() {
        if (progress == null) return null;
        if (ahead == null)
            ahead = Invariant.present(request().constraint(), "a constraint").begin();
        ahead.moveTo(progress);
        return ahead;
    }

    /// What is guessed to come next in it, and how right such guesses were.
    Proposal proposal() {
        return proposal;
    }

    /// What is found out about its prompt; null if nothing is, or another choice does it.
    @Nullable
    PromptReport report() {
        return report;
    }

    /// True while every position of its prompt has to be computed, whoever has computed it before.
    boolean isReporting() {
        return report != null && !report.isComplete();
    }

    BlockTable table() {
        return table;
    }

    BlockTable hostTable() {
        return hostTable;
    }

    PrefixChain chain() {
        return chain;
    }

    Status status() {
        return status;
    }

    /// All tokens so far, valid in `[0, tokenCount())`.
    int[] tokens() {
        return tokens;
    }

    int tokenCount() {
        return tokenCount;
    }

    int promptLength() {
        return request().prompt().length;
    }

    int computed() {
        return computed;
    }

    /// Tokens still to be computed; at least one while the sequence runs, because the last token's logits are
    /// needed.
    int uncomputed() {
        return tokenCount - computed;
    }

    boolean isPromptComputed() {
        return computed >= promptLength();
    }

    int sampled() {
        return sampled;
    }

    int cachedTokens() {
        return cachedTokens;
    }

    boolean hasStarted() {
        return started;
    }

    long order() {
        return order;
    }

    @Override
    public String toString() {
        return request().id() + "/" + choice;
    }
}
