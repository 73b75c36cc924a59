package io.sluice.benchmarks.traffic;

import io.sluice.batching.Admission;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;

/// Compares what refused requests were told with the truth: the first moment at which the same request would
/// have been admitted. The engine is asked after every step and at the moment that was told, without
/// submitting. One thread.
final class RetryAfterCheck {

    /// Requests followed at the same time. Each costs one question per step; further refusals are not
    /// followed.
    private static final int FOLLOWED_MAX = 256;

    private final VirtualTime time;
    private final long seed;
    private final int oneIn;
    private final List<Followed> pending = new ArrayList<>();
    private final List<Told> told = new ArrayList<>();

    /// @param oneIn follows one refusal in so many, drawn by the seed
    RetryAfterCheck(VirtualTime time, long seed, int oneIn) {
        this.time = time;
        this.seed = seed;
        this.oneIn = oneIn;
    }

    /// What one refused request was told, and what was true, in nanoseconds after the refusal. A value.
    record Told(long saidNs, long trueNs) {}

    private record Followed(long refusedNs, long saidNs, BooleanSupplier probe) {}

    void refused(long nowNs, TrafficRequest request, Admission.Refused refused, SimulatedEngine engine) {
        boolean drawn = Long.remainderUnsigned(Mix.of(seed, 5, request.index()), oneIn) == 0;
        if (!drawn || refused.retryAfter().isZero() || pending.size() >= FOLLOWED_MAX) return;
        long saidNs = refused.retryAfter().toNanos();
        var followed = new Followed(nowNs, saidNs, engine.probe(request));
        pending.add(followed);
        // Steps are coarse: who was told a moment within one is asked for at that moment.
        time.at(nowNs + saidNs, () -> pending.removeIf(it -> it.equals(followed) && isAdmitted(it, nowNs + saidNs)));
    }

    private boolean isAdmitted(Followed followed, long nowNs) {
        if (!followed.probe().getAsBoolean()) return false;
        told.add(new Told(followed.saidNs(), nowNs - followed.refusedNs()));
        return true;
    }

    /// To be called after each step, before anybody else is admitted.
    void ask(long nowNs) {
        int kept = 0;
        for (int i = 0; i < pending.size(); i++) {
            Followed followed = pending.get(i);
            if (!isAdmitted(followed, nowNs)) pending.set(kept++, followed);
        }
        pending.subList(kept, pending.size()).clear();
    }

    List<Told> told() {
        return List.copyOf(told);
    }
}
