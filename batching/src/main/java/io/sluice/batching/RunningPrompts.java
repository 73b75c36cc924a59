package io.sluice.batching;

import java.util.Arrays;
import java.util.concurrent.locks.StampedLock;
import org.jspecify.annotations.Nullable;

/// Answers how much of a class's prompts that are being computed goes before the prompt of a new request: those of its
/// own flow, those that had their turn at an earlier virtual time, and those that would miss their target if it went
/// before them. The engine writes it after each step, without allocation once it has grown; any thread reads it, and
/// the engine never waits for a reader.
final class RunningPrompts {
    private final StampedLock lock = new StampedLock(); // written by the engine alone; read optimistically
    private @Nullable Flow[] flows = new Flow[8];
    private double[] turns = new double[8]; // [prompt], the virtual time at which it had its turn
    private int[] tokensLeft = new int[8]; // [prompt]
    private double[] tokensToSpare = new double[8]; // [prompt], that may be computed before it
    private int size;
    private volatile long total;

    /// Takes in what runs of a class.
    ///
    /// @param running of all classes, in the order in which they started
    /// @param tokenNs how long a prompt token takes; 0 if that is not known
    void publish(ClassQueue queue, SequenceList running, double tokenNs, long nowNs) {
        long stamp = lock.writeLock();
        try {
            forget();
            long sum = 0;
            for (int i = 0; i < running.size(); i++) {
                Sequence sequence = running.get(i);
                if (sequence.flow().classQueue() != queue || sequence.uncomputed() <= 1) continue;
                sum += sequence.uncomputed() - 1;
                add(sequence, toSpare(sequence, sum, tokenNs, nowNs));
            }
            total = sum;
        } finally {
            lock.unlockWrite(stamp);
        }
    }

    private void forget() {
        for (int i = 0; i < size; i++) get(i).setComputesPrompts(false);
        Arrays.fill(flows, 0, size, null);
        size = 0;
    }

    private Flow get(int at) {
        return Invariant.present(flows[at], "no prompt at this index");
    }

    /// Nobody has to wait for what is late in any case.
    private static double toSpare(Sequence sequence, long tokensUpToIt, double tokenNs, long nowNs) {
        if (tokenNs <= 0) return Double.MAX_VALUE;
        long targetNs = sequence.flow().classQueue().terms().firstTokenTargetNs();
        double leftNs = targetNs - (nowNs - sequence.arrivedNs());
        double tokens = leftNs / tokenNs - tokensUpToIt;
        return tokens < 0 ? Double.MAX_VALUE : tokens;
    }

    private void add(Sequence sequence, double toSpare) {
        if (size == flows.length) {
            flows = Arrays.copyOf(flows, 2 * size);
            turns = Arrays.copyOf(turns, 2 * size);
            tokensLeft = Arrays.copyOf(tokensLeft, 2 * size);
            tokensToSpare = Arrays.copyOf(tokensToSpare, 2 * size);
        }
        flows[size] = sequence.flow();
        sequence.flow().setComputesPrompts(true);
        turns[size] = PromptTurns.virtualTurn(sequence);
        tokensLeft[size] = sequence.uncomputed() - 1;
        tokensToSpare[size] = toSpare;
        size++;
    }

    /// Tokens of all of them.
    long tokens() {
        return total;
    }

    /// Tokens that are computed before a prompt of the flow, if it has its turn at a virtual time.
    ///
    /// @param itsTokens how long it is
    long tokensBefore(Flow flow, double turn, long itsTokens) {
        while (true) {
            long stamp = lock.tryOptimisticRead();
            if (stamp != 0) {
                long sum = sum(flow, turn, itsTokens);
                if (lock.validate(stamp)) return sum;
            }
            Thread.onSpinWait(); // for as long as the engine takes to write
        }
    }

    private long sum(Flow flow, double turn, long itsTokens) {
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
