package io.sluice.batching;

import java.util.Arrays;

/// One choice of a request inside the engine: its tokens, how many of them are computed, and the blocks that hold
/// those. `[0, computed)` is in the cache, `[computed, tokenCount)` is still to be computed; there are no phases.
/// Engine thread only once submitted.
final class Sequence {

    /// Where a sequence is; exactly one of the scheduler's lists, or none.
    enum Status {
        /// Owns no blocks.
        WAITING,
        /// Owns the blocks of its computed tokens.
        RUNNING,
        /// Its stream has ended; owns no blocks.
        ENDED
    }

    private static final int GROWTH_MIN = 64;

    private final Submission submission;
    private final int choice;
    private final SamplingParams sampling;
    private final TokenStream stream;
    private final BlockTable table = new BlockTable();
    private final PrefixChain chain;

    private Status status = Status.WAITING;
    private int[] tokens; // [0, tokenCount); the request's own prompt, unwritten, until the first output token
    private int tokenCount;
    private int computed;
    private int sampled;
    private int cachedTokens;
    private boolean started;
    private long order;

    Sequence(Submission submission, int choice, Runnable wakeEngine) {
        GenerationRequest request = submission.request();
        this.submission = submission;
        this.choice = choice;
        sampling = choice == 0 ? request.sampling() : request.sampling().withSeed(seed(request, choice));
        stream = new TokenStream(request.maxNewTokens(), request.sampling().topLogprobs(), wakeEngine);
        chain = new PrefixChain(request.prefixScope().salt());
        tokens = request.prompt();
        tokenCount = tokens.length;
    }

    /// The seed of a choice: the request's own for the first, so that `n` does not change it; well mixed for the rest.
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

    /// Back to nothing computed; tokens stay, so that nothing generated is lost.
    void rewind() {
        computed = 0;
        chain.reset();
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
        cachedTokens = Math.min(reusedTokens, promptLength());
    }

    /// Sets where the sequence stands among all others.
    ///
    /// @param arrival place in the order of arrival over all sequences
    void setOrder(long arrival) {
        order = arrival;
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

    BlockTable table() {
        return table;
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

    /// Tokens still to be computed; at least one while the sequence runs, because the last token's logits are needed.
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
