package io.sluice.device;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import io.sluice.device.RunnerSettings.Dtype;
import io.sluice.modelstore.TensorType;
import io.sluice.modelstore.WeightTensor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/// Our kernels' bfloat16 products against libtorch's, in turn in one process, so that both meet the same machine: JMH
/// would run one after the other. Each goes around copies of its matrix, since a step reads each weight once and none
/// from a cache. Prints medians. Lies in the device's package to reach what it measures.
///
/// Arguments: the number of threads, the number of rounds (all processors, 61).
final class ProductBenchmark {
    private static final long WEIGHT_BYTES = 96L << 20;
    private static final int[] ROW_COUNTS = {1, 4, 16, 64, 512};

    private record Shape(String name, int outputs, int inputs) {}

    /// A square one, and those of SmolLM2-135M.
    private static final List<Shape> SHAPES = List.of(
            new Shape("square", 2048, 2048),
            new Shape("queries, keys, values", 960, 576),
            new Shape("attention output", 576, 576),
            new Shape("gate and up", 3072, 576),
            new Shape("down", 576, 1536),
            new Shape("head", 49_152, 576));

    private final int threads;
    private final int rounds;
    private final Kernels kernels;

    private ProductBenchmark(Kernels kernels, int threads, int rounds) {
        this.kernels = kernels;
        this.threads = threads;
        this.rounds = rounds;
    }

    @SuppressWarnings("SystemOut") // a command-line tool
    public static void main(String[] arguments) throws KernelLibrary.Unavailable {
        int processors = Runtime.getRuntime().availableProcessors();
        int threads = arguments.length > 0 ? Integer.parseInt(arguments[0]) : processors;
        int rounds = arguments.length > 1 ? Integer.parseInt(arguments[1]) : 61;
        KernelLibrary library = KernelLibrary.load();
        System.out.printf(
                "%d threads, %s, AMX %b, median of %d interleaved rounds%n",
                threads, library.best().symbol(), library.supportsAmx(), rounds);
        System.out.println("| product | rows | kernels µs | libtorch µs | kernels GFLOP/s | libtorch GFLOP/s |");
        System.out.println("|---|---|---|---|---|---|");
        try (Kernels kernels = new Kernels(library, library.best(), threads)) {
            ProductBenchmark benchmark = new ProductBenchmark(kernels, threads, rounds);
            for (Shape shape : SHAPES) {
                for (int rows : ROW_COUNTS) System.out.println(benchmark.line(shape, rows));
            }
        }
    }

    private String line(Shape shape, int rows) {
        try (Products own = new KernelProducts(kernels, Dtype.BFLOAT16, false);
                Products torch = TorchProducts.open(
                        kernels,
                        Dtype.BFLOAT16,
                        false,
                        (long) TorchProducts.wholeTiles(rows) * shape.outputs,
                        threads);
                Contender ours = new Contender(own, shape, rows);
                Contender theirs = new Contender(torch, shape, rows)) {
            ours.sameAs(theirs);
            long[] oursNs = new long[rounds];
            long[] theirsNs = new long[rounds];
            for (int i = -rounds / 3; i < rounds; i++) { // the first third warms up
                long oursTook = ours.multiply();
                long theirsTook = theirs.multiply();
                if (i < 0) continue;
                oursNs[i] = oursTook;
                theirsNs[i] = theirsTook;
            }
            double flop = 2.0 * rows * shape.outputs * shape.inputs;
            double oursMedian = median(oursNs);
            double theirsMedian = median(theirsNs);
            return "| %s %d x %d | %d | %.1f | %.1f | %.0f | %.0f |"
                    .formatted(
                            shape.name,
                            shape.outputs,
                            shape.inputs,
                            rows,
                            oursMedian / 1e3,
                            theirsMedian / 1e3,
                            flop / oursMedian,
                            flop / theirsMedian);
        }
    }

    private static double median(long[] values) {
        Arrays.sort(values);
        return values[values.length / 2];
    }

    /// One way to multiply, with copies of one random matrix and its own activations.
    private final class Contender implements AutoCloseable {
        private final Region memory;
        private final List<Products.Matrix> copies = new ArrayList<>();
        private final Kernels.Rows x;
        private final Kernels.Rows y;
        private final int rows;
        private final int outputs;
        private int next;

        Contender(Products products, Shape shape, int rows) {
            this.rows = rows;
            outputs = shape.outputs;
            FusedWeights.Matrix weights = noise(shape);
            Format format = products.format(weights);
            long matrixBytes = Region.aligned(products.bytes(shape.outputs, shape.inputs, format));
            int count = (int) Math.max(2, WEIGHT_BYTES / matrixBytes);
            long inputBytes = products.inputBytes(TorchProducts.wholeTiles(rows), shape.inputs);
            int outputStride = PackedMatrix.padded(shape.outputs) + 2 * PackedMatrix.PANEL;
            long outputBytes = (long) rows * outputStride * Float.BYTES;
            memory =
                    new Region(kernels, count * matrixBytes + Region.aligned(inputBytes) + Region.aligned(outputBytes));
            long inputs = memory.take(inputBytes);
            y = new Kernels.Rows(memory.take(outputBytes), outputStride, Format.FLOAT32);
            for (int i = 0; i < count; i++) {
                copies.add(products.matrix(memory.take(matrixBytes), shape.outputs, shape.inputs, format));
                copies.getLast().put(weights, 0, shape.outputs);
            }
            x = products.input(inputs, shape.inputs, copies.getFirst().inputs());
            fillInputs(shape.inputs);
        }

        private void fillInputs(int width) {
            Random random = new Random(1);
            int bytes = x.format().unitBytes();
            MemorySegment memory = Region.view(x.address(), (long) rows * x.stride() * bytes);
            for (int row = 0; row < rows; row++) {
                for (int i = 0; i < width; i++) {
                    long at = (long) row * x.stride() + i;
                    float value = (float) random.nextGaussian();
                    short rounded = WeightReader.bfloat16(value);
                    if (x.format() == Format.BFLOAT16) memory.setAtIndex(JAVA_SHORT, at, rounded);
                    else memory.setAtIndex(JAVA_FLOAT, at, Float.intBitsToFloat(rounded << 16));
                }
            }
        }

        private static FusedWeights.Matrix noise(Shape shape) {
            return new FusedWeights.Matrix(
                    shape.outputs, shape.inputs, shape.inputs, List.of(new Noise(shape.outputs, shape.inputs)));
        }

        long multiply() {
            Products.Matrix matrix = copies.get(next++ % copies.size());
            long startedNs = System.nanoTime();
            matrix.multiply(x, y, rows);
            return System.nanoTime() - startedNs;
        }

        /// The two compute the same thing, but for libtorch's rounding to bfloat16.
        void sameAs(Contender other) {
            multiply();
            other.multiply();
            for (int row = 0; row < rows; row++) {
                for (int i = 0; i < outputs; i++) {
                    float mine = at(row, i);
                    float theirs = other.at(row, i);
                    if (!(Math.abs(mine - theirs) <= 0.02 + Math.abs(mine) / 128)) {
                        throw new AssertionError("row %d, column %d: %f and %f".formatted(row, i, mine, theirs));
                    }
                }
            }
        }

        private float at(int row, int column) {
            return Region.view(y.address(), (long) rows * y.stride() * Float.BYTES)
                    .getAtIndex(JAVA_FLOAT, (long) row * y.stride() + column);
        }

        @Override
        public void close() {
            memory.close();
        }
    }

    /// Random weights, the same each time.
    private record Noise(int rows, int columns) implements WeightTensor {
        @Override
        public String name() {
            return "noise";
        }

        @Override
        public TensorType type() {
            return TensorType.F32;
        }

        @Override
        public MemorySegment rowBytes(int row) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void readRows(int firstRow, int rowCount, MemorySegment target) {
            Random random = new Random(firstRow);
            for (long i = 0; i < (long) rowCount * columns; i++) {
                target.setAtIndex(JAVA_FLOAT, i, (random.nextInt(255) - 127) / 1024f);
            }
        }
    }
}
