package io.sluice.benchmarks.traffic;

import org.jspecify.annotations.Nullable;

/// One request on its way through a replay, as its client sees it. One thread.
final class Flow {
    private final TrafficRequest request;
    private int attempts;
    private SimulatedEngine.@Nullable Output output; // once admitted
    private @Nullable GapLog gaps; // while tokens come
    private int tokens;
    private long firstTokenNs; // absolute, as are the others
    private long lastTokenNs;

    Flow(TrafficRequest request) {
        this.request = request;
    }

    TrafficRequest request() {
        return request;
    }

    void countAttempt() {
        attempts++;
    }

    int attempts() {
        return attempts;
    }

    void admitted(SimulatedEngine.Output itsOutput) {
        output = itsOutput;
    }

    boolean hasTokens() {
        return tokens > 0;
    }

    /// Takes the tokens that came by `nowNs`.
    ///
    /// @param spare a log for its gaps, taken when its first token comes
    /// @return the gap before the latest token, or -1 if there is none
    long read(long nowNs, GapPool spare) {
        SimulatedEngine.Output from = output;
        if (from == null) throw new IllegalStateException("a request that is not open got a token");
        int now = from.take();
        long gapNs = -1;
        if (tokens == 0 && now > 0) {
            firstTokenNs = nowNs;
            lastTokenNs = nowNs;
            gaps = spare.take();
            tokens = 1;
        }
        GapLog log = gaps;
        while (log != null && tokens < now) {
            gapNs = nowNs - lastTokenNs;
            log.add(gapNs);
            lastTokenNs = nowNs;
            tokens++;
        }
        return gapNs;
    }

    boolean hasEnded() {
        return output != null && output.hasEnded();
    }

    /// What became of it. The last call: its gap log goes back.
    Outcome end(GapPool spare) {
        SimulatedEngine.Output from = output;
        if (from == null) throw new IllegalStateException("a request that is not open ended");
        SimulatedEngine.Ended ended = from.ended();
        output = null;
        GapLog log = gaps;
        gaps = null;
        if (!ended.complete()) {
            if (log != null) spare.giveBack(log);
            return new Outcome.Broken(request, ended.reason(), tokens, ended.preemptions());
        }
        if (log == null) throw new IllegalStateException("a complete output without tokens");
        long p99GapNs = log.p99Ns();
        spare.giveBack(log);
        var timing =
                new Timing(firstTokenNs - request.arrivalNs(), lastTokenNs - request.arrivalNs(), tokens, p99GapNs);
        return new Outcome.Served(request, attempts, timing, ended.cachedTokens(), ended.preemptions());
    }
}
