package io.sluice.batching;

import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/// What a request's thread does to learn whether the engine takes it. `admit`: it is taken, its sequence and stream are
/// made, and its place is given back at once. `refuse`: the queue is full, and the time to come back is computed.
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 4, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(2)
public class AdmissionBenchmark {
    private static final int WAITING_MAX = 2048;
    private static final ModelLimits LIMITS = new ModelLimits(65_536, 16, 8192, 8192, 256, 32_000, 0);

    /// Tenants that have requests waiting.
    @Param({"1", "1000"})
    public int tenants = 1;

    private @Nullable AdmissionController open;
    private @Nullable AdmissionController full;
    private GenerationRequest[] requests = new GenerationRequest[0];
    private long nowNs = 1;
    private int next;

    @Setup
    public void prepare() {
        requests = new GenerationRequest[tenants];
        for (int i = 0; i < tenants; i++) requests[i] = request(i);
        open = controller();
        full = controller();
        for (int i = 0; full.waitingCount() < WAITING_MAX / 4 * 3 && i < 10 * WAITING_MAX; i++) admit(full);
        while (admit(full) instanceof AdmissionController.Verdict.Taken) nowNs++;
    }

    private static AdmissionController controller() {
        var settings = new EngineSettings(WAITING_MAX, true, 4096);
        return EngineParts.REAL.core(LIMITS, settings, new SplittableRandom(1)).admission();
    }

    private static GenerationRequest request(int tenant) {
        return new GenerationRequest(
                "request",
                new int[1024],
                256,
                1,
                SamplingParams.GREEDY,
                new int[0],
                new Caller(new Tenant("tenant-" + tenant, 1, 0, 1), TrafficClass.STANDARD),
                PrefixScope.of(tenant),
                Deadlines.NONE);
    }

    private AdmissionController.Verdict admit(AdmissionController controller) {
        nowNs += 1000;
        return controller.admit(requests[next++ % tenants], Attempt.FIRST, nowNs, AdmissionBenchmark::wakeNobody);
    }

    private static void wakeNobody() {}

    @Benchmark
    public int admit() {
        AdmissionController controller = Invariant.present(open, "set up");
        return switch (admit(controller)) {
            case AdmissionController.Verdict.Taken(var submission) -> {
                controller.settle(submission);
                yield submission.choiceCount();
            }
            case AdmissionController.Verdict.NotTaken(var refused) -> throw new AssertionError(refused);
        };
    }

    @Benchmark
    public Admission.Refused refuse() {
        return switch (admit(Invariant.present(full, "set up"))) {
            case AdmissionController.Verdict.NotTaken(var refused) -> refused;
            case AdmissionController.Verdict.Taken(var submission) -> throw new AssertionError(submission);
        };
    }
}
