package io.sluice.device;

import io.sluice.device.Kernels.Rows;

/// What a CUDA device can do at best: how fast it reads, and how fast our kernels multiply a large product.
/// Medians.
final class CudaCeilings {
    private static final int RUNS = 9;

    private final CudaBench bench;

    CudaCeilings(CudaBench bench) {
        this.bench = bench;
    }

    double readBytesPerMs() {
        boolean emulated = bench.device.library().isEmulated();
        long bytes = emulated ? 1 << 16 : 4L << 30;
        long from = zeroed(bytes);
        long sink = bench.room(256);
        int blocks = 16 * bench.device.facts().multiprocessors();
        try (CudaStopwatch stopwatch = new CudaStopwatch(bench.device, RUNS)) {
            return bytes / stopwatch.median(_ -> bench.kernels.read(from, bytes, sink, blocks));
        }
    }

    double flopsPerMs() {
        int n = bench.device.library().isEmulated() ? 64 : 8192;
        long numbers = zeroed(2L * n * n);
        CudaMatrix matrix = CudaMatrix.describe(bench.host, numbers, 0, n, n, Format.BFLOAT16);
        Rows x = new Rows(zeroed(2L * n * n), n, Format.BFLOAT16);
        Rows y = new Rows(zeroed(4L * n * n), n, Format.FLOAT32);
        try (CudaStopwatch stopwatch = new CudaStopwatch(bench.device, RUNS)) {
            return 2.0 * n * n * n / stopwatch.median(_ -> bench.kernels.multiplyMany(x, matrix, y, n, false));
        }
    }

    /// The same by libtorch, if it is there: 0 if not.
    double flopsPerMs(TorchDevice.Factory factory) {
        int n = bench.device.library().isEmulated() ? 64 : 8192;
        CudaMatrix matrix = CudaMatrix.describe(bench.host, zeroed(2L * n * n), 0, n, n, Format.BFLOAT16);
        Rows x = new Rows(zeroed(2L * n * n), n, Format.BFLOAT16);
        long y = zeroed(2L * n * n);
        try (CudaTorch torch = new CudaTorch(factory.open(bench.device));
                CudaStopwatch stopwatch = new CudaStopwatch(bench.device, RUNS)) {
            return 2.0 * n * n * n / stopwatch.median(_ -> torch.multiply(x, matrix, y, n));
        } catch (TorchFailed e) {
            System.out.println("no libtorch: " + e.getMessage());
            return 0;
        }
    }

    private long zeroed(long bytes) {
        long address = bench.room(bytes);
        bench.device.fill(address, 0, bytes);
        return address;
    }
}
