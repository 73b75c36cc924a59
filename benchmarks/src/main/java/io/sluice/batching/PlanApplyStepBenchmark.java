package io.sluice.batching;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.AuxCounters;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/// Plan and apply alone: what the scheduler takes of each step on the engine thread while everything that runs writes.
/// One operation is one step. The sequences are made anew before each 256 steps, outside of what is measured;
/// `stepBytes` is therefore counted around the steps, because the profiler's figure counts that making as well;
/// `stepCpuUs` is the processor's time for them, which a busy machine leaves alone.
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 4, time = 2)
@Measurement(iterations = 5, time = 2)
@Fork(value = 2, jvmArgsAppend = "-Xmx3g")
public class PlanApplyStepBenchmark {
    private static final int STEPS = 256;
    private static final int CONTEXT = 4096;
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    /// Sequences that run at the same time, each with 4,096 tokens and more.
    @Param({"1", "32", "256", "1024"})
    public int running = 1;

    private @Nullable RunningSequences sequences;

    /// What the steps themselves took: not of the making of sequences, and not of others that want the processor.
    @State(Scope.Thread)
    @AuxCounters(AuxCounters.Type.EVENTS)
    public static class Counted {
        private long bytes;
        private long cpuNs;
        private long steps;

        @Setup(Level.Iteration)
        public void clear() {
            bytes = 0;
            cpuNs = 0;
            steps = 0;
        }

        /// Allocated by each step.
        public double stepBytes() {
            return (double) bytes / Math.max(1, steps);
        }

        /// Microseconds of processor time of each step.
        public double stepCpuUs() {
            return cpuNs / 1e3 / Math.max(1, steps);
        }
    }

    @Setup(Level.Invocation)
    public void begin() {
        sequences = new RunningSequences(running, CONTEXT, STEPS);
    }

    @Benchmark
    @OperationsPerInvocation(STEPS)
    public int planApply(Counted counted) {
        RunningSequences it = Invariant.present(sequences, "set up");
        long before = THREADS.getCurrentThreadAllocatedBytes();
        long startNs = THREADS.getCurrentThreadCpuTime();
        int tokens = 0;
        for (int step = 0; step < STEPS; step++) tokens += it.step();
        counted.cpuNs += THREADS.getCurrentThreadCpuTime() - startNs;
        counted.bytes += THREADS.getCurrentThreadAllocatedBytes() - before;
        counted.steps += STEPS;
        if (tokens != STEPS * running) throw new AssertionError(tokens + " tokens were planned");
        return tokens;
    }
}
