package io.sluice.benchmarks;

import com.lmax.disruptor.EventPoller;
import com.lmax.disruptor.EventTranslatorOneArg;
import com.lmax.disruptor.RingBuffer;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.LinkedTransferQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Group;
import org.openjdk.jmh.annotations.GroupThreads;
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
import org.openjdk.jmh.infra.Control;

/// How many requests a second go from several request threads to one engine thread, by the ring and by two queues of
/// the JDK. Nobody waits inside the hand-off: a full mailbox says no, as in the engine. Each run checks that what
/// arrived is what was sent. The number to read is that of `send`.
@State(Scope.Group)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(2)
public class RingHandOffBenchmark {
    private static final int CAPACITY = 1024;

    /// What carries the requests.
    @Param({"ring", "arrayBlockingQueue", "linkedTransferQueue"})
    public String mailbox = "ring";

    private final LongAdder sent = new LongAdder();
    private final LongAdder received = new LongAdder();
    private Mailbox box = new RingMailbox();

    @Setup(Level.Iteration)
    public void open() {
        box = switch (mailbox) {
            case "ring" -> new RingMailbox();
            case "arrayBlockingQueue" -> new BlockingQueueMailbox();
            case "linkedTransferQueue" -> new TransferQueueMailbox();
            default -> throw new IllegalArgumentException(mailbox);
        };
        sent.reset();
        received.reset();
    }

    @Benchmark
    @Group("handOff")
    @GroupThreads(4)
    public void send(Control control) {
        long number = Thread.currentThread().threadId();
        while (!control.stopMeasurement) {
            if (box.offer(number)) {
                sent.add(number);
                return;
            }
            LockSupport.parkNanos(1_000);
        }
    }

    @Benchmark
    @Group("handOff")
    @GroupThreads(1)
    public void receive() {
        long sum = box.drain();
        received.add(sum);
        if (sum == 0) LockSupport.parkNanos(20_000); // as a step would take much longer
    }

    /// The sum of what arrived must be the sum of what was sent.
    @TearDown(Level.Iteration)
    public void check() {
        received.add(box.drain());
        if (received.sum() != sent.sum()) {
            throw new AssertionError("sent " + sent.sum() + ", received " + received.sum());
        }
    }

    /// A bounded hand-off from many threads to one.
    private interface Mailbox {

        /// Puts a number in, or says that there is no room.
        boolean offer(long number);

        /// Takes out what is there and returns its sum.
        long drain();
    }

    private static final class RingMailbox implements Mailbox {
        private static final EventTranslatorOneArg<Slot, Long> FILL = (slot, sequence, number) -> slot.number = number;

        private final RingBuffer<Slot> ring = RingBuffer.createMultiProducer(Slot::new, CAPACITY);
        private final EventPoller<Slot> poller = ring.newPoller();
        private long sum;

        RingMailbox() {
            ring.addGatingSequences(poller.getSequence());
        }

        @Override
        public boolean offer(long number) {
            return ring.tryPublishEvent(FILL, number);
        }

        @Override
        public long drain() {
            sum = 0;
            try {
                poller.poll(this::take);
            } catch (Exception e) {
                throw new AssertionError(e);
            }
            return sum;
        }

        private boolean take(Slot slot, long sequence, boolean endOfBatch) {
            Long number = slot.number;
            slot.number = null;
            sum += number == null ? 0 : number;
            return true;
        }

        private static final class Slot {
            private @Nullable Long number;
        }
    }

    private static final class BlockingQueueMailbox implements Mailbox {
        private final ArrayBlockingQueue<Long> queue = new ArrayBlockingQueue<>(CAPACITY);

        @Override
        public boolean offer(long number) {
            return queue.offer(number);
        }

        @Override
        public long drain() {
            long sum = 0;
            for (Long number = queue.poll(); number != null; number = queue.poll()) sum += number;
            return sum;
        }
    }

    /// Unbounded by nature; `offer` looks at the size as the others do.
    private static final class TransferQueueMailbox implements Mailbox {
        private final LinkedTransferQueue<Long> queue = new LinkedTransferQueue<>();
        private final LongAdder size = new LongAdder();

        @Override
        public boolean offer(long number) {
            if (size.sum() >= CAPACITY) return false;
            size.increment();
            return queue.offer(number);
        }

        @Override
        public long drain() {
            long sum = 0;
            for (Long number = queue.poll(); number != null; number = queue.poll()) {
                size.decrement();
                sum += number;
            }
            return sum;
        }
    }
}
