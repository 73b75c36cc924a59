package io.sluice.batching;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Decides which of several engines a request goes to: where the beginning of its prompt was computed
/// before, unless that one has much more to do than another; else where there is least to do. Any thread;
/// it locks, and nothing slow is done under the lock.
///
/// It remembers hashes of prompts' beginnings, not what engines really hold: a wrong guess costs time and
/// nothing else.
final class Placement {

    /// Tokens that a hash covers more than the one before it. A beginning that is shorter is not worth a
    /// detour.
    static final int CHUNK = 64;

    /// Chunks of a prompt that are looked at: whoever shares 8,192 tokens shares enough.
    private static final int CHUNKS_MAX = 128;

    /// Beginnings that are remembered for each engine: a million tokens' worth, more than most caches hold.
    private static final int REMEMBERED_MAX = 1 << 14;

    /// An engine has much more to do than another from this many requests more, and half as many again.
    private static final int IMBALANCE_MIN = 8;

    private static final double IMBALANCE = 1.5;

    private final List<Map<Long, Boolean>> remembered = new ArrayList<>(); // [engine], guarded by this
    private final boolean prefixCaching;
    private int turn; // guarded by this

    Placement(int engineCount, boolean prefixCaching) {
        this.prefixCaching = prefixCaching;
        for (int i = 0; i < engineCount; i++) {
            remembered.add(new LinkedHashMap<>(16, 0.75f, true) {
                @Override
                protected boolean removeEldestEntry(Map.Entry<Long, Boolean> eldest) {
                    return size() > REMEMBERED_MAX;
                }
            });
        }
    }

    /// The engines in the order in which they should be asked.
    ///
    /// @param open [engine], requests that each has; below 0 for one that serves nobody, which is left out
    List<Integer> order(GenerationRequest request, int[] open) {
        long[] beginnings = beginnings(request);
        int[] known = new int[open.length];
        int first;
        synchronized (this) {
            for (int engine = 0; engine < open.length; engine++) known[engine] = known(engine, beginnings);
            first = turn++;
        }
        List<Integer> engines = new ArrayList<>();
        int least = Integer.MAX_VALUE;
        for (int engine = 0; engine < open.length; engine++) {
            if (open[engine] < 0) continue;
            engines.add(engine);
            least = Math.min(least, open[engine]);
        }
        int fewest = least;
        // Among equals in turn, so that the first of them is not always the same.
        Comparator<Integer> byLoad = Comparator.<Integer>comparingInt(engine -> open[engine])
                .thenComparingInt(engine -> Math.floorMod(engine - first, open.length));
        engines.sort(Comparator.<Integer>comparingInt(engine -> isBusy(open[engine], fewest) ? 0 : -known[engine])
                .thenComparing(byLoad));
        return engines;
    }

    private static boolean isBusy(int open, int fewest) {
        return open - fewest >= IMBALANCE_MIN && open >= IMBALANCE * fewest;
    }

    /// Chunks of the prompt that the engine has computed before, as far as is known.
    private int known(int engine, long[] beginnings) {
        int count = 0;
        while (count < beginnings.length && remembered.get(engine).get(beginnings[count]) != null) count++;
        return count;
    }

    /// The request was admitted there.
    synchronized void remember(GenerationRequest request, int engine) {
        for (long beginning : beginnings(request)) remembered.get(engine).put(beginning, true);
    }

    /// One hash for each whole chunk, of all tokens up to its end and of with whom they may be shared.
    private long[] beginnings(GenerationRequest request) {
        int[] prompt = request.prompt();
        PrefixScope scope = request.prefixScope();
        int count = prefixCaching ? Math.min(prompt.length / CHUNK, CHUNKS_MAX) : 0;
        long[] beginnings = new long[count];
        long hash = 0;
        for (int chunk = 0; chunk < count; chunk++) {
            int end = (chunk + 1) * CHUNK;
            hash = mix(hash ^ (end <= scope.sharedTokens() ? scope.sharedSalt() : scope.salt()));
            for (int i = end - CHUNK; i < end; i++) hash = mix(hash + prompt[i] + 1);
            beginnings[chunk] = hash;
        }
        return beginnings;
    }

    private static long mix(long x) {
        long z = (x ^ (x >>> 33)) * 0xff51afd7ed558ccdL;
        z = (z ^ (z >>> 33)) * 0xc4ceb9fe1a85ec53L;
        return z ^ (z >>> 33);
    }
}
