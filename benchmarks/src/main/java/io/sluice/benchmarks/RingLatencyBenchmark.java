package io.sluice.benchmarks;

import com.lmax.disruptor.EventPoller;
import com.lmax.disruptor.EventTranslatorOneArg;
import com.lmax.disruptor.RingBuffer;
import java.util.Queue;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.LinkedTransferQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/// How long a request takes from a request thread to the engine thread and its first word back, by the ring and by two
/// queues of the JDK; percentiles, not a mean. `SPIN`: the engine looks without rest, as while it steps; `PARK`: it is
/// asleep and is woken, as `Engine` does it. Each answer is checked against what was sent.
@State(Scope.Benchmark)
@BenchmarkMode(Mode.SampleTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 4, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(2)
public class RingLatencyBenchmark {
    private static final int CAPACITY = 1024;
    private static final long PARK_NS = 100_000_000;
    private static final long NOTHING = -1;

    /// What carries the requests.
    @Param({"ring", "arrayBlockingQueue", "linkedTransferQueue"})
    public String mailbox = "ring";

    /// What the receiver does meanwhile.
    @Param({"SPIN", "PARK"})
    public String receiver = "SPIN";

    private Carrier carrier = new RingCarrier();
    private @Nullable Thread engine;
    private volatile boolean stopping;
    private volatile boolean asleep;
    private volatile long answered;
    private long number;

    @Setup(Level.Iteration)
    public void start() {
        carrier = switch (mailbox) {
            case "ring" -> new RingCarrier();
            case "arrayBlockingQueue" -> new QueueCarrier(new ArrayBlockingQueue<>(CAPACITY));
            case "linkedTransferQueue" -> new QueueCarrier(new LinkedTransferQueue<>());
            default -> throw new IllegalArgumentException(mailbox);
        };
        stopping = false;
        answered = number;
        boolean parks = receiver.equals("PARK");
        engine = Thread.ofPlatform().start(() -> receive(parks));
    }

    private void receive(boolean parks) {
        LongConsumer answer = request -> answered = request;
        while (!stopping) {
            if (carrier.poll(answer)) continue;
            if (!parks) {
                Thread.onSpinWait();
                continue;
            }
            asleep = true; // said before the last look, as the engine does it
            if (!carrier.poll(answer) && !stopping) LockSupport.parkNanos(PARK_NS);
            asleep = false;
        }
    }

    @Benchmark
    public long thereAndBack() {
        long sent = ++number;
        if (!carrier.offer(sent)) throw new AssertionError("the mailbox is full");
        if (asleep) LockSupport.unpark(engine);
        long answer = NOTHING;
        while (answer != sent) {
            answer = answered;
            if (answer > sent) throw new AssertionError("sent " + sent + ", answered " + answer);
            Thread.onSpinWait();
        }
        return answer;
    }

    @TearDown(Level.Iteration)
    public void stop() throws InterruptedException {
        stopping = true;
        Thread ending = engine;
        if (ending == null) throw new IllegalStateException("nothing was started");
        LockSupport.unpark(ending);
        ending.join();
    }

    /// Carries numbers from one thread to another.
    private interface Carrier {
        boolean offer(long number);

        /// Hands over what is there.
        ///
        /// @return false if there was nothing
        boolean poll(LongConsumer taker);
    }

    private static final class RingCarrier implements Carrier {
        private static final EventTranslatorOneArg<Slot, Long> FILL = (slot, sequence, number) -> slot.number = number;

        private final RingBuffer<Slot> ring = RingBuffer.createMultiProducer(Slot::new, CAPACITY);
        private final EventPoller<Slot> poller = ring.newPoller();
        private LongConsumer taker = _ -> {};

        RingCarrier() {
            ring.addGatingSequences(poller.getSequence());
        }

        @Override
        public boolean offer(long number) {
            return ring.tryPublishEvent(FILL, number);
        }

        @Override
        public boolean poll(LongConsumer to) {
            taker = to;
            try {
                return poller.poll(this::take) == EventPoller.PollState.PROCESSING;
            } catch (Exception e) {
                throw new AssertionError(e);
            }
        }

        private boolean take(Slot slot, long sequence, boolean endOfBatch) {
            taker.accept(slot.number);
            return true;
        }

        private static final class Slot {
            private long number;
        }
    }

    private record QueueCarrier(Queue<Long> queue) implements Carrier {
        @Override
        public boolean offer(long number) {
            return queue.offer(number);
        }

        @Override
        public boolean poll(LongConsumer taker) {
            Long number = queue.poll();
            if (number == null) return false;
            taker.accept(number);
            return true;
        }
    }
}
