package io.sluice.batching;

import java.util.Random;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/// The KV cache's bookkeeping. `allocateAndFree`: one block taken and given back, of the 256 of a sequence. `lookUp`:
/// the 512 blocks of a prompt of 8,192 tokens found in the prefix index, all of them hits, hashes and comparisons
/// included; `lookUpMiss`: the first block of such a prompt is not there.
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 4, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(2)
public class BlockBenchmark {
    private static final int BLOCK_SIZE = 16;
    private static final int HELD = 256; // of a sequence of 4,096 tokens
    private static final int PROMPT = 8_192;
    private static final int PROMPTS = 32; // in the index
    private static final int VOCABULARY = 32_000;
    private static final int BLOCKS = PROMPTS * PROMPT / BLOCK_SIZE + 2 * HELD;

    private final PrefixIndex index = new PrefixIndex(BLOCKS, BLOCK_SIZE, BlockHash.keyed(new SplittableRandom(1)));
    private final BlockPool pool = new BlockPool(BLOCKS, index);
    private final TenantAccount tenant = new TenantAccount(Tenant.ANONYMOUS, BLOCKS);
    private final PrefixChain chain = new PrefixChain(PrefixScope.of(1));
    private final int[] held = new int[HELD];
    private final int[][] prompts = new int[PROMPTS][];
    private final int[] unknown = new int[PROMPT];
    private int next;

    @Setup
    public void fill() {
        var random = new Random(1);
        for (int i = 0; i < PROMPTS; i++) {
            prompts[i] = random.ints(PROMPT, 0, VOCABULARY).toArray();
            chain.reset();
            for (int block = 0; block < PROMPT / BLOCK_SIZE; block++) {
                index.offer(chain, prompts[i], pool.allocate(tenant, tenant));
            }
        }
    }

    @Benchmark
    @OperationsPerInvocation(HELD)
    public int allocateAndFree() {
        for (int i = 0; i < HELD; i++) held[i] = pool.allocate(tenant, tenant);
        for (int i = HELD - 1; i >= 0; i--) pool.release(held[i]);
        return pool.freeCount();
    }

    @Benchmark
    public int lookUp() {
        int[] prompt = prompts[next++ % PROMPTS];
        chain.reset();
        while (chain.length() < PROMPT / BLOCK_SIZE) {
            if (index.follow(chain, prompt) == BlockPool.NO_BLOCK) throw new AssertionError("a block was not found");
        }
        return chain.length();
    }

    @Benchmark
    public int lookUpMiss() {
        unknown[0] = next++ & 1023;
        chain.reset();
        int block = index.follow(chain, unknown);
        if (block != BlockPool.NO_BLOCK) throw new AssertionError("a block that nobody offered was found");
        return block;
    }
}
