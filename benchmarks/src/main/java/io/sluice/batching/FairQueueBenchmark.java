package io.sluice.batching;

import java.util.concurrent.TimeUnit;
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

/// Whose turn it is among so many tenants, all of whom wait: the next is taken out, charged for what it computes, and
/// comes back with another request.
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 4, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(2)
public class FairQueueBenchmark {

    @Param({"10", "1000", "100000"})
    public int tenants = 10;

    private final FairQueue queue = new FairQueue();
    private final SequenceList none = SequenceList.byPrecedence();
    private long arrivals;

    @Setup
    public void fill() {
        var standard = new ClassQueue(TrafficClass.STANDARD, 0);
        for (int i = 0; i < tenants; i++) {
            var tenant = new Tenant("tenant-" + i, 1 + i % 4, 0, 1);
            var flow = new Flow(new TenantAccount(tenant, 1024), standard, 0);
            Sequence sequence = sequence(tenant, flow);
            sequence.setOrder(arrivals++);
            queue.add(sequence);
        }
    }

    private static Sequence sequence(Tenant tenant, Flow flow) {
        var request = new GenerationRequest(
                "request",
                new int[8],
                16,
                1,
                SamplingParams.GREEDY,
                new int[0],
                new Caller(tenant, TrafficClass.STANDARD),
                PrefixScope.of(0),
                Deadlines.NONE);
        var demand = new Demand(1, 40, 8, 1, 1);
        return new Submission(request, flow, new Timeline.Forecast(0, 0, 0, 0, 0), demand, 0, () -> {}).sequence(0);
    }

    @Benchmark
    public long next() {
        Sequence next = Invariant.present(queue.first(1), "somebody always waits");
        queue.remove(next);
        queue.charge(next, 512, 16);
        queue.settleStep(none, 8192);
        next.setOrder(arrivals++);
        queue.add(next);
        return arrivals;
    }
}
