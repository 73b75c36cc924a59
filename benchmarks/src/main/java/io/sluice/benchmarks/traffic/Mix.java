package io.sluice.benchmarks.traffic;

/// Numbers that look random and depend on their arguments alone: SplitMix64's finaliser. Any thread.
public final class Mix {
    private Mix() {}

    public static long of(long a, long b) {
        long mixed = a * 0x9e3779b97f4a7c15L + b;
        mixed = (mixed ^ (mixed >>> 30)) * 0xbf58476d1ce4e5b9L;
        mixed = (mixed ^ (mixed >>> 27)) * 0x94d049bb133111ebL;
        return mixed ^ (mixed >>> 31);
    }

    public static long of(long a, long b, long c) {
        return of(of(a, b), c);
    }

    /// A token id in `[1, vocabSize)`: id 0 is left for the end token.
    static int token(long key, long position, int vocabSize) {
        return 1 + (int) Long.remainderUnsigned(of(key, position), vocabSize - 1);
    }
}
