package io.sluice.device;

import io.sluice.device.RunnerSettings.Dtype;
import java.util.Objects;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
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
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/// What the machine can do at most, on all processors, for the kernels to be set against: 256 MiB read from memory, and
/// libtorch's product of 512 rows with a 2,048 x 2,048 matrix.
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(value = 2, jvmArgsAppend = "-Xmx1g")
public class MachineBenchmark {
    static final double READ_BYTES = 256 << 20;
    static final double GEMM_FLOPS = 2.0 * 512 * 2048 * 2048;
    private static final int ROWS = 512;
    private static final int SIZE = 2048;

    @Param({"READ", "GEMM_FLOAT32", "GEMM_BFLOAT16"})
    public String limit = "READ";

    private final int threads = Runtime.getRuntime().availableProcessors();
    private long[][] numbers = new long[0][];
    private @Nullable Kernels kernels;
    private @Nullable Products torch;
    private @Nullable Region memory;
    private Runnable product = () -> {};

    @Setup
    public void prepare() throws KernelLibrary.Unavailable {
        if (limit.equals("READ")) {
            numbers = new long[threads][(int) (READ_BYTES / Long.BYTES / threads)];
            for (int i = 0; i < threads; i++) numbers[i][i] = i;
            return;
        }
        KernelLibrary library = KernelLibrary.load();
        kernels = new Kernels(library, library.best(), threads);
        Dtype dtype = limit.equals("GEMM_FLOAT32") ? Dtype.FLOAT32 : Dtype.BFLOAT16;
        Products made = TorchProducts.open(kernels, dtype, false, (long) ROWS * SIZE, threads);
        torch = made;
        memory = new Region(kernels, 256L << 20);
        Format format = Format.of(dtype);
        Products.Matrix matrix = made.matrix(memory.take(made.bytes(SIZE, SIZE, format)), SIZE, SIZE, format);
        Kernels.Rows x = made.input(memory.take(made.inputBytes(ROWS, SIZE)), SIZE, matrix.inputs());
        int stride = PackedMatrix.padded(SIZE) + 2 * PackedMatrix.PANEL;
        var y = new Kernels.Rows(memory.take((long) ROWS * stride * Float.BYTES), stride, Format.FLOAT32);
        product = () -> matrix.multiply(x, y, ROWS);
    }

    @Benchmark
    public long machine() {
        if (numbers.length == 0) {
            product.run();
            return 0;
        }
        return ForkJoinPool.commonPool()
                .submit(() -> IntStream.range(0, threads)
                        .parallel()
                        .mapToLong(i -> sum(numbers[i]))
                        .sum())
                .join();
    }

    private static long sum(long[] part) {
        long sum = 0;
        for (long number : part) sum += number;
        return sum;
    }

    @TearDown
    public void close() {
        if (torch == null) return;
        torch.close();
        Objects.requireNonNull(memory).close();
        Objects.requireNonNull(kernels).close();
    }
}
