package io.sluice.batching;

/// What the engine did with one admitted request, and why, for whoever asks later. Written by the thread that
/// admits it, then by the engine thread alone; read by any thread, at any time, a step late at worst.
public final class Timeline {

    /// `startedNs`, `firstTokenNs` and `endedNs` of what has not happened yet.
    public static final long NOT_YET = -1;

    private final GenerationRequest request;
    private final long admittedNs;
    private final Forecast forecast;
    private volatile long startedNs = NOT_YET;
    private volatile long firstTokenNs = NOT_YET;
    private volatile long endedNs = NOT_YET;
    private volatile int preemptions;
    private volatile int parks;
    private volatile int pauses;
    private int steps; // published by the volatile writes, at the latest by the last
    private long computedTokens;
    private int cachedTokens;
    private long blockNs;
    private long deviceNs;
    private long proposedTokens;
    private long acceptedTokens;

    /// What was expected of the request when it was admitted. A value.
    ///
    /// @param plainWaitNs the same as `waitNs`, before it was corrected by how long others had waited
    /// @param waitNs until one of its choices starts
    /// @param firstTokenNs until its first token
    /// @param requestsAhead requests that were to start before it
    /// @param reservedTokens prompt and the output that blocks are reserved for, over all choices
    public record Forecast(long plainWaitNs, long waitNs, long firstTokenNs, int requestsAhead, long reservedTokens) {}

    Timeline(GenerationRequest request, long admittedNs, Forecast forecast) {
        this.request = request;
        this.admittedNs = admittedNs;
        this.forecast = forecast;
    }

    void start(long nowNs, int cachedPromptTokens) {
        if (startedNs != NOT_YET) return;
        cachedTokens = cachedPromptTokens;
        startedNs = nowNs;
    }

    void firstToken(long nowNs) {
        if (firstTokenNs == NOT_YET) firstTokenNs = nowNs;
    }

    /// `tokens` of one of its sequences were computed.
    void countStep(int tokens) {
        steps++;
        computedTokens += tokens;
    }

    /// Tokens were proposed to one of its sequences, and so many of them were right.
    void countProposed(int proposed, int right) {
        proposedTokens += proposed;
        acceptedTokens += right;
    }

    /// One of its sequences held `blocks` blocks for `ns`; of a block that others hold too, a part.
    void countHeld(double blocks, long ns) {
        blockNs += Math.round(blocks * ns);
    }

    /// `ns` of a step were for one of its sequences.
    void countDevice(long ns) {
        deviceNs += ns;
    }

    @SuppressWarnings("NonAtomicVolatileUpdate") // one writer
    void countPreemption() {
        preemptions++;
    }

    @SuppressWarnings("NonAtomicVolatileUpdate") // one writer
    void countPark() {
        parks++;
    }

    @SuppressWarnings("NonAtomicVolatileUpdate") // one writer
    void countPause() {
        pauses++;
    }

    void end(long nowNs) {
        endedNs = nowNs;
    }

    public GenerationRequest request() {
        return request;
    }

    public Forecast forecast() {
        return forecast;
    }

    /// Moments on the engine's clock.
    public long admittedNs() {
        return admittedNs;
    }

    public long startedNs() {
        return startedNs;
    }

    public long firstTokenNs() {
        return firstTokenNs;
    }

    public long endedNs() {
        return endedNs;
    }

    /// How often a choice lost its blocks and was computed again.
    public int preemptions() {
        return preemptions;
    }

    /// How often a choice's blocks went to host memory.
    public int parks() {
        return parks;
    }

    /// How often a choice stood still because its reader did.
    public int pauses() {
        return pauses;
    }

    /// Steps in which one of its choices was computed, counted once per choice.
    public int steps() {
        return steps;
    }

    /// Tokens computed for it, recomputation included.
    public long computedTokens() {
        return computedTokens;
    }

    /// Prompt tokens of its first choice to start that were found in the prefix cache.
    public int cachedTokens() {
        return cachedTokens;
    }

    /// Its part of the steps that it was computed in: the parts of all requests add up to the steps.
    public long deviceNs() {
        return deviceNs;
    }

    /// Tokens that were proposed to its choices.
    public long proposedTokens() {
        return proposedTokens;
    }

    /// Of those, the ones that were right.
    public long acceptedTokens() {
        return acceptedTokens;
    }

    /// KV blocks held, times the time they were held, in block nanoseconds.
    public long blockNs() {
        return blockNs;
    }
}
