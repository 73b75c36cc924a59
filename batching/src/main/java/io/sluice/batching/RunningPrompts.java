package io.sluice.batching;

import java.util.Arrays;
import java.util.concurrent.locks.StampedLock;
import org.jspecify.annotations.Nullable;

/// Answers how much of a class's prompts that are being computed goes before the prompt of a new request: those of its
/// own flow, those that had their turn at an earlier virtual time, and those that would miss their target if it went
/// before them. The engine writes it after each step, without allocation once it has grown; any thread reads it.
///
/// Neither waits for the other: the engine writes the older of two pictures while the newer one is read. A reader
/// tries again only if two were written while it read one.
final class RunningPrompts {
    private volatile Picture latest = new Picture();
    private Picture older = new Picture(); // keeps flows of the step before, no more than a step has
    private volatile long latestNumber;
    private volatile long total;

    /// What ran after one step.
    private static final class Picture {
        private final StampedLock lock = new StampedLock(); // written by the engine alone; read optimistically
        private @Nullable Flow[] flows = new Flow[8]; // [prompt]
        private double[] turns = new double[8]; // [prompt], the virtual time at which it had its turn
        private int[] tokensLeft = new int[8]; // [prompt]
        private double[] tokensToSpare = new double[8]; // [prompt], that may be computed before it
        private int size;

        void clear() {
            Arrays.fill(flows, 0, size, null);
            size = 0;
        }

        void add(Sequence sequence, double toSpare) {
            if (size == flows.length) grow();
            flows[size] = sequence.flow();
            turns[size] = PromptTurns.virtualTurn(sequence);
            tokensLeft[size] = sequence.uncomputed() - 1;
            tokensToSpare[size] = toSpare;
            size++;
        }

        private void grow() {
            turns = Arrays.copyOf(turns, 2 * size);
            tokensLeft = Arrays.copyOf(tokensLeft, 2 * size);
            tokensToSpare = Arrays.copyOf(tokensToSpare, 2 * size);
            flows = Arrays.copyOf(flows, 2 * size); // last: its length says that all have grown
        }

        long tokensBefore(Flow flow, double turn, long itsTokens) {
            @Nullable Flow[] flowsNow = flows;
            int[] tokensNow = tokensLeft;
            double[] turnsNow = turns;
            double[] spareNow = tokensToSpare;
            int count = Math.min(
                    Math.min(size, flowsNow.length),
                    Math.min(tokensNow.length, Math.min(turnsNow.length, spareNow.length))); // while it grows
            long sum = 0;
            for (int i = 0; i < count; i++) {
                if (flowsNow[i] == flow || turnsNow[i] <= turn || spareNow[i] < itsTokens) sum += tokensNow[i];
            }
            return sum;
        }
    }

    /// Takes in what runs of a class.
    ///
    /// @param running of all classes, in the order in which they started
    /// @param tokenNs how long a prompt token takes; 0 if that is not known
    void publish(ClassQueue queue, SequenceList running, double tokenNs, long nowNs) {
        Picture next = older;
        long number = latestNumber + 1;
        long sum = 0;
        long stamp = next.lock.writeLock(); // nobody else takes it
        try {
            next.clear();
            for (int i = 0; i < running.size(); i++) {
                Sequence sequence = running.get(i);
                if (sequence.flow().classQueue() != queue || sequence.uncomputed() <= 1) continue;
                sum += sequence.uncomputed() - 1;
                next.add(sequence, toSpare(sequence, sum, tokenNs, nowNs));
                sequence.flow().notePrompts(number);
            }
        } finally {
            next.lock.unlockWrite(stamp);
        }
        older = latest;
        latest = next;
        total = sum;
        latestNumber = number;
    }

    /// Nobody has to wait for what is late in any case.
    private static double toSpare(Sequence sequence, long tokensUpToIt, double tokenNs, long nowNs) {
        if (tokenNs <= 0) return Double.MAX_VALUE;
        long targetNs = sequence.flow().classQueue().terms().firstTokenTargetNs();
        double leftNs = targetNs - (nowNs - sequence.arrivedNs());
        double tokens = leftNs / tokenNs - tokensUpToIt;
        return tokens < 0 ? Double.MAX_VALUE : tokens;
    }

    /// Tokens of all of them.
    long tokens() {
        return total;
    }

    /// Counts what was published: a flow has prompts that are computed if this is the number that it noted.
    long latestNumber() {
        return latestNumber;
    }

    /// Tokens that are computed before a prompt of the flow, if it has its turn at a virtual time.
    ///
    /// @param itsTokens how long it is
    long tokensBefore(Flow flow, double turn, long itsTokens) {
        while (true) {
            Picture now = latest;
            long stamp = now.lock.tryOptimisticRead();
            if (stamp == 0) continue; // it is not the latest any more
            long sum = now.tokensBefore(flow, turn, itsTokens);
            if (now.lock.validate(stamp)) return sum;
        }
    }
}
