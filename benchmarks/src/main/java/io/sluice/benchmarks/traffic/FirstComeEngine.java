package io.sluice.benchmarks.traffic;

import io.sluice.batching.Admission;
import io.sluice.batching.Attempt;
import io.sluice.batching.ModelLimits;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.BooleanSupplier;

/// First come, first served, as the common engines do it; what Sluice is compared with. One thread.
///
/// Each step gives every running request its next tokens, the oldest first, then starts waiting requests in
/// order of arrival while the step's budget, its seats and the memory allow. There are no tenants, no classes
/// and no promises. If memory runs out, the request that came last gives its blocks back and goes to the head
/// of the queue, to be computed again.
final class FirstComeEngine implements SimulatedEngine {

    /// What must be free for a request to start.
    enum Reservation {
        /// Room for its tokens so far: more may run, and some will have to give way.
        PROMPT,
        /// Room for its prompt and all the output that it may have: nobody ever gives way.
        MAXIMUM
    }

    private final ModelLimits limits;
    private final Reservation reservation;
    private final int waitingMax;
    private final VirtualTime time;
    private final StepCost cost;
    private final CachedBlocks blocks;
    private final ArrayDeque<FirstComeSequence> waiting = new ArrayDeque<>();
    private final List<FirstComeSequence> running = new ArrayList<>(); // oldest first
    private final int[] slices; // [place in running], tokens in this step
    private int budget;
    private long reservedBlocks; // by running requests, under MAXIMUM
    private long steps;
    private long preemptions;
    private long guaranteedPreemptions; // it knows no classes, but its clients do

    /// @param waitingMax requests that may wait; one more is refused
    FirstComeEngine(DeviceModel device, VirtualTime time, Reservation reservation, int waitingMax) {
        limits = device.limits();
        this.time = time;
        this.reservation = reservation;
        this.waitingMax = waitingMax;
        cost = new StepCost(device);
        blocks = new CachedBlocks(limits.blockCount());
        slices = new int[limits.sequencesMax()];
    }

    @Override
    public Answer submit(TrafficRequest request, Attempt attempt) {
        Optional<Admission.Refused> refused = refusal(request);
        if (refused.isPresent()) return new Answer.Refused(refused.get());
        var sequence = new FirstComeSequence(request);
        waiting.addLast(sequence);
        return new Answer.Admitted(sequence);
    }

    private Optional<Admission.Refused> refusal(TrafficRequest request) {
        if (request.tokenCountMax() > Math.min(limits.contextMax(), limits.cacheTokens())) {
            return refuse(Admission.Reason.NEVER_FITS, "longer than the context or the cache");
        }
        if (waiting.size() >= waitingMax) return refuse(Admission.Reason.QUEUE_FULL, "the queue is full");
        return Optional.empty();
    }

    /// Such engines do not say when to come back.
    private static Optional<Admission.Refused> refuse(Admission.Reason reason, String detail) {
        return Optional.of(new Admission.Refused(reason, detail, Duration.ZERO));
    }

    @Override
    public boolean turn(StepLog log) {
        log.clear();
        if (running.isEmpty() && waiting.isEmpty()) return false;
        cost.begin();
        budget = limits.stepTokensMax();
        boolean preempted = planRunning();
        if (!preempted) planWaiting();
        if (running.isEmpty()) throw new IllegalStateException("a request that fits the cache cannot start");
        time.advance(cost.ns());
        apply(log);
        steps++;
        return true;
    }

    private boolean planRunning() {
        boolean preempted = false;
        for (int i = 0; i < running.size(); i++) {
            FirstComeSequence sequence = running.get(i);
            int younger = running.size() - i - 1; // a token is kept back for each
            int length = Math.min(sequence.uncomputed(), budget - younger);
            while (lacking(sequence, length) > blocks.freeCount()) {
                FirstComeSequence last = running.removeLast();
                last.preempt(blocks);
                reservedBlocks -= reserved(last);
                waiting.addFirst(last);
                preemptions++;
                if (last.request().caller().trafficClass().guaranteed()) guaranteedPreemptions++;
                preempted = true;
                if (last == sequence) return true;
            }
            plan(i, sequence, length);
        }
        return preempted;
    }

    private void planWaiting() {
        long promised = 0; // blocks that running requests will take for tokens they have already
        for (FirstComeSequence sequence : running) promised += lacking(sequence, sequence.uncomputed());
        while (!waiting.isEmpty() && running.size() < limits.sequencesMax() && budget > 0) {
            FirstComeSequence sequence = waiting.getFirst();
            if (!tryStart(sequence, promised)) return;
            waiting.removeFirst();
            running.add(sequence);
            plan(running.size() - 1, sequence, Math.min(sequence.uncomputed(), budget));
            promised += lacking(sequence, sequence.uncomputed());
        }
    }

    private boolean tryStart(FirstComeSequence sequence, long promised) {
        if (reservation == Reservation.MAXIMUM && reservedBlocks + reserved(sequence) > limits.blockCount()) {
            return false;
        }
        int reused = reuse(sequence);
        if (lacking(sequence, sequence.tokenCount()) > blocks.freeCount() - promised) {
            sequence.release(blocks);
            return false;
        }
        sequence.start(reused);
        reservedBlocks += reserved(sequence);
        return true;
    }

    /// Takes over blocks that hold the beginning of the prompt. The last token is always computed.
    private int reuse(FirstComeSequence sequence) {
        int size = limits.blockSize();
        int reusable = (sequence.tokenCount() - 1) / size;
        for (int i = 0; i < reusable; i++) {
            int block = blocks.find(sequence.request().blockKey(i * size, (i + 1) * size));
            if (block == CachedBlocks.NONE) break;
            blocks.retain(block);
            sequence.append(block);
        }
        return sequence.blockCount() * size;
    }

    /// Blocks that the sequence lacks for `length` tokens more than are computed.
    private int lacking(FirstComeSequence sequence, int length) {
        return Math.max(0, limits.blocksFor(sequence.computed() + (long) length) - sequence.blockCount());
    }

    private long reserved(FirstComeSequence sequence) {
        return limits.blocksFor(sequence.request().tokenCountMax());
    }

    private void plan(int place, FirstComeSequence sequence, int length) {
        for (int lacking = lacking(sequence, length); lacking > 0; lacking--) sequence.append(blocks.allocate());
        cost.slice(sequence.computed(), length, length == sequence.uncomputed());
        slices[place] = length;
        budget -= length;
    }

    private void apply(StepLog log) {
        int kept = 0;
        for (int i = 0; i < running.size(); i++) {
            FirstComeSequence sequence = running.get(i);
            boolean samples = slices[i] == sequence.uncomputed();
            sequence.advance(slices[i], blocks);
            if (samples) {
                sequence.sample();
                log.add(sequence.request().index());
            }
            if (sequence.hasEnded()) {
                reservedBlocks -= reserved(sequence);
                sequence.release(blocks);
            } else {
                running.set(kept++, sequence);
            }
        }
        running.subList(kept, running.size()).clear();
    }

    @Override
    public void resume() {}

    @Override
    public BooleanSupplier probe(TrafficRequest request) {
        return () -> refusal(request).isEmpty();
    }

    @Override
    public State state() {
        return new State(
                blocks.usedCount(),
                blocks.blockCount(),
                running.size(),
                waiting.size(),
                steps,
                preemptions,
                0,
                guaranteedPreemptions);
    }
}
