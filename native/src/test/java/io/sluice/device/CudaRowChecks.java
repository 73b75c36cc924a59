package io.sluice.device;

import static io.sluice.device.CudaBench.expect;
import static io.sluice.device.CudaBench.expectClose;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import io.sluice.device.Kernels.Rows;
import java.lang.foreign.MemorySegment;
import java.util.Random;
import java.util.stream.IntStream;

/// The kernels that work on single rows, those that lay out weights, products, block copies and graphs,
/// against plain Java.
final class CudaRowChecks {
    private static final Format[] NUMBERS = {Format.FLOAT32, Format.BFLOAT16};
    private static final Format[] OUTPUTS = {Format.FLOAT32, Format.BFLOAT16, Format.INT8};

    private static final int ROWS = 17; // more than the emulation has blocks

    private final CudaBench bench;
    private final Random random;

    CudaRowChecks(CudaBench bench, long seed) {
        this.bench = bench;
        random = new Random(seed);
    }

    void embedsTokensFromNumbers() {
        for (Format format : NUMBERS) {
            for (int width : new int[] {1, 60, 64, 300}) {
                float[][] table = KernelRows.random(random, 40, width);
                int[] tokens = {3, 39, 0, 3, -1, 40, 17};
                Rows out = bench.emptyRows(tokens.length, width, Format.FLOAT32);
                bench.kernels.embed(bench.matrix(table, format), bench.ints(tokens), out, tokens.length);
                float[][] actual = bench.read(out, tokens.length, width);
                for (int r = 0; r < tokens.length; r++) {
                    boolean known = tokens[r] >= 0 && tokens[r] < 40;
                    for (int i = 0; i < width; i++) {
                        float expected = known ? rounded(table[tokens[r]][i], format) : 0;
                        expect(actual[r][i] == expected, format, "row", r, "number", i);
                    }
                }
            }
        }
    }

    void normalisesRows() {
        for (Format out : OUTPUTS) {
            for (Format addend : NUMBERS) {
                for (int width : new int[] {64, 576}) normalises(out, addend, width, false, true);
                normalises(out, addend, 256, true, false);
                normalises(out, addend, 1024, true, true);
                if (out != Format.INT8) normalises(out, addend, 61, false, true);
            }
        }
    }

    private void normalises(Format outFormat, Format addendFormat, int width, boolean indexed, boolean adds) {
        float eps = 1e-5f;
        float[][] x = KernelRows.random(random, ROWS, width);
        float[][] addend = KernelRows.random(random, ROWS, width);
        float[] weight = KernelRows.random(random, 1, width)[0];
        int[] index = indexed ? new int[] {4, 1, 2} : IntStream.range(0, ROWS).toArray();
        Rows rows = bench.rows(x, Format.FLOAT32);
        Rows out = bench.emptyRows(index.length, width, outFormat);
        bench.kernels.rmsNorm(
                rows,
                adds ? bench.rows(addend, addendFormat) : CudaKernels.NOTHING,
                indexed ? bench.ints(index) : 0,
                bench.floats(weight),
                eps,
                out,
                index.length,
                width);
        float[][] residual = bench.read(rows, ROWS, width);
        float[][] actual = bench.read(out, index.length, width);
        for (int r = 0; r < index.length; r++) {
            double squares = 0;
            float[] sum = x[index[r]].clone();
            for (int i = 0; i < width; i++) {
                if (adds) sum[i] += rounded(addend[index[r]][i], addendFormat);
                squares += (double) sum[i] * sum[i];
            }
            double scale = 1 / Math.sqrt(squares / width + eps);
            for (int i = 0; i < width; i++) {
                expect(residual[index[r]][i] == sum[i], "residual", r, i);
                double expected = sum[i] * scale * weight[i];
                close(actual[r], expected, outFormat, largest(sum, scale, weight, i), i);
            }
        }
    }

    /// The largest magnitude of the quantised block that number `i` is in.
    private static double largest(float[] row, double scale, float[] weight, int i) {
        double largest = 0;
        int first = i / Format.BLOCK * Format.BLOCK;
        for (int j = first; j < Math.min(row.length, first + Format.BLOCK); j++) {
            largest = Math.max(largest, Math.abs(row[j] * scale * weight[j]));
        }
        return largest;
    }

    private static void close(float[] actual, double expected, Format format, double largest, int i) {
        double tolerance = switch (format) {
            case FLOAT32 -> 1e-5 * Math.abs(expected) + 1e-6;
            case BFLOAT16 -> Math.abs(expected) / 256 + 1e-6;
            case INT8, INT4 -> largest / 127 * 0.51 + 1e-6;
        };
        expectClose(actual[i], expected, tolerance, format, "number", i);
    }

    void gatesRows() {
        for (Format out : OUTPUTS) {
            for (Format in : NUMBERS) {
                for (int width : out == Format.INT8 ? new int[] {32, 224} : new int[] {1, 33, 224}) {
                    float[][] x = KernelRows.random(random, 3, 2 * width);
                    x[1][0] = 60f;
                    x[2][0] = -60f;
                    Rows to = bench.emptyRows(3, width, out);
                    bench.kernels.siluMul(bench.rows(x, in), to, 3, width);
                    float[][] actual = bench.read(to, 3, width);
                    for (int r = 0; r < 3; r++) {
                        double[] expected = new double[width];
                        for (int i = 0; i < width; i++) {
                            double gate = rounded(x[r][i], in);
                            expected[i] = gate / (1 + Math.exp(-gate)) * rounded(x[r][width + i], in);
                        }
                        for (int i = 0; i < width; i++) {
                            double largest = 0;
                            for (int j = i / 32 * 32; j < Math.min(width, i / 32 * 32 + 32); j++) {
                                largest = Math.max(largest, Math.abs(expected[j]));
                            }
                            close(actual[r], expected[i], out, largest, i);
                        }
                    }
                }
            }
        }
    }

    void addsRowsAndFeedsTokens() {
        float[][] x = KernelRows.random(random, 4, 77);
        float[][] more = KernelRows.random(random, 4, 77);
        Rows sum = bench.rows(x, Format.FLOAT32);
        bench.kernels.add(sum, bench.rows(more, Format.BFLOAT16), 4, 77);
        float[][] actual = bench.read(sum, 4, 77);
        for (int r = 0; r < 4; r++) {
            for (int i = 0; i < 77; i++) {
                expect(actual[r][i] == x[r][i] + rounded(more[r][i], Format.BFLOAT16), "sum", r, i);
            }
        }
        int sampledInts = 43; // of one row, the token first
        int[] sampled = new int[3 * sampledInts];
        sampled[0] = 11;
        sampled[sampledInts] = -1;
        sampled[2 * sampledInts] = 33;
        long tokens = bench.ints(90, 91, 92, 93);
        bench.kernels.feed(bench.ints(sampled), bench.ints(2, -1, 1, 0), tokens, 4);
        expect(
                java.util.Arrays.equals(bench.read(tokens, 16).toArray(JAVA_INT), new int[] {33, 91, 0, 11}),
                "fed tokens");
    }

    // --- weights and products

    /// A matrix as ggml stores it, and its numbers.
    private record Stored(CudaMatrix matrix, float[][] values) {}

    private enum Quant {
        Q8_0(34),
        Q4_0(18),
        Q4_1(20);

        private final int blockBytes;

        Quant(int blockBytes) {
            this.blockBytes = blockBytes;
        }
    }

    private Stored store(Quant quant, int rows, int columns) {
        int blocks = rows * columns / Format.BLOCK;
        MemorySegment stored = bench.host.allocate((long) blocks * quant.blockBytes);
        float[][] values = new float[rows][columns];
        for (int b = 0; b < blocks; b++) {
            long at = (long) b * quant.blockBytes;
            short scale = Float.floatToFloat16(0.01f + random.nextFloat() / 10);
            short minimum = Float.floatToFloat16(random.nextFloat() - 0.5f);
            stored.set(JAVA_SHORT_UNALIGNED, at, scale);
            if (quant == Quant.Q4_1) stored.set(JAVA_SHORT_UNALIGNED, at + 2, minimum);
            long numbers = at + (quant == Quant.Q4_1 ? 4 : 2);
            for (int i = 0; i < Format.BLOCK; i++) {
                int number = quant == Quant.Q8_0 ? random.nextInt(256) - 128 : random.nextInt(16);
                float w = Float.float16ToFloat(scale) * (quant == Quant.Q4_0 ? number - 8 : number);
                if (quant == Quant.Q4_1) w += Float.float16ToFloat(minimum);
                int place = b * Format.BLOCK + i;
                values[place / columns][place % columns] = w;
                if (quant == Quant.Q8_0) {
                    stored.set(JAVA_BYTE, numbers + i, (byte) number);
                } else {
                    long half = numbers + i % 16;
                    int bits = number << (i < 16 ? 0 : 4);
                    stored.set(JAVA_BYTE, half, (byte) (stored.get(JAVA_BYTE, half) | bits));
                }
            }
        }
        Format format = quant == Quant.Q8_0 ? Format.INT8 : Format.INT4;
        long numbers = bench.room(CudaMatrix.numberBytes(rows, columns, format));
        long scales = bench.room(CudaMatrix.scaleBytes(rows, columns, format));
        CudaMatrix matrix = CudaMatrix.describe(bench.host, numbers, scales, rows, columns, format);
        long source = bench.put(stored);
        if (quant == Quant.Q8_0) bench.kernels.packQ8(source, matrix);
        else bench.kernels.packQ4(source, quant == Quant.Q4_1, matrix);
        return new Stored(matrix, values);
    }

    void laysOutQuantisedWeights() {
        for (Quant quant : Quant.values()) {
            Stored stored = store(quant, 9, 96);
            Rows out = bench.emptyRows(9, 96, Format.FLOAT32);
            bench.kernels.embed(stored.matrix, bench.ints(0, 1, 2, 3, 4, 5, 6, 7, 8), out, 9);
            float[][] actual = bench.read(out, 9, 96);
            for (int r = 0; r < 9; r++) {
                for (int i = 0; i < 96; i++) {
                    double expected = stored.values[r][i];
                    expectClose(actual[r][i], expected, 1e-5 * Math.abs(expected) + 1e-6, quant, r, i);
                }
            }
        }
    }

    void multipliesFewRows() {
        for (int m : new int[] {1, 2, 7, 8, 9, 16}) {
            for (int n : new int[] {1, 13, 72}) {
                for (int k : new int[] {8, 32, 72, 544}) {
                    Stored w = numbers(n, k, Format.BFLOAT16);
                    checkProduct(m, w, Format.BFLOAT16, bench.kernels::multiplyFew, 0);
                }
                for (Quant quant : Quant.values()) {
                    for (int k : new int[] {32, 96, 544}) {
                        checkProduct(m, store(quant, n, k), Format.INT8, bench.kernels::multiplyFew, 0);
                    }
                }
            }
        }
    }

    void multipliesManyRows() {
        for (int m : new int[] {1, 17, 64, 65, 130}) {
            for (int n : new int[] {1, 64, 70}) {
                for (int k : new int[] {8, 40, 160}) {
                    checkProduct(m, numbers(n, k, Format.BFLOAT16), Format.BFLOAT16, bench.kernels::multiplyMany, 0);
                }
                for (Quant quant : Quant.values()) {
                    // Weights are rounded to bfloat16.
                    checkProduct(m, store(quant, n, 96), Format.BFLOAT16, bench.kernels::multiplyMany, 1 / 256.0);
                }
            }
        }
    }

    void multipliesAnything() {
        for (Format x : NUMBERS) {
            for (Format w : NUMBERS) {
                for (int k : new int[] {1, 33, 60}) {
                    checkProduct(19, numbers(5, k, w), x, bench.kernels::multiplyPlain, 0);
                }
            }
            checkProduct(3, store(Quant.Q4_1, 6, 64), x, bench.kernels::multiplyPlain, 0);
        }
    }

    void aRowsProductIsTheSameAmongAnyOthers() {
        Stored w = numbers(24, 320, Format.BFLOAT16);
        Stored quantised = store(Quant.Q4_0, 24, 320);
        float[][] x = KernelRows.random(random, 16, 320);
        Rows halves = bench.rows(x, Format.BFLOAT16);
        Rows bytes = quantised(x);
        Rows all = bench.emptyRows(16, 24, Format.FLOAT32);
        Rows one = bench.emptyRows(1, 24, Format.FLOAT32);
        for (boolean few : new boolean[] {true, false}) {
            bench.kernels.multiplyFew(few ? halves : bytes, few ? w.matrix : quantised.matrix, all, 16, false);
            float[][] together = bench.read(all, 16, 24);
            for (int r = 0; r < 16; r++) {
                Rows from = few ? halves : bytes;
                long at = from.address()
                        + (long) r * from.stride() * from.format().unitBytes();
                Rows alone = new Rows(at, from.stride(), from.format());
                bench.kernels.multiplyFew(alone, few ? w.matrix : quantised.matrix, one, 1, false);
                expect(java.util.Arrays.equals(bench.read(one, 1, 24)[0], together[r]), "row", r);
            }
        }
    }

    private interface Multiply {
        void run(Rows x, CudaMatrix w, Rows y, int rows, boolean accumulate);
    }

    private Stored numbers(int n, int k, Format format) {
        float[][] values = KernelRows.random(random, n, k);
        CudaMatrix matrix = bench.matrix(values, format);
        for (float[] row : values) for (int i = 0; i < k; i++) row[i] = rounded(row[i], format);
        return new Stored(matrix, values);
    }

    private void checkProduct(int m, Stored w, Format xFormat, Multiply multiply, double weightError) {
        int n = w.values.length;
        int k = w.values[0].length;
        float[][] numbers = KernelRows.random(random, m, k);
        Rows x = xFormat == Format.INT8 ? quantised(numbers) : bench.rows(numbers, xFormat);
        float[][] seen = bench.read(x, m, k);
        float[][] before = KernelRows.random(random, m, n);
        Rows product = bench.emptyRows(m, n, Format.FLOAT32);
        Rows half = bench.emptyRows(m, n, Format.BFLOAT16);
        Rows sum = bench.rows(before, Format.FLOAT32);
        multiply.run(x, w.matrix, product, m, false);
        multiply.run(x, w.matrix, half, m, false);
        multiply.run(x, w.matrix, sum, m, true);
        float[][] products = bench.read(product, m, n);
        float[][] halves = bench.read(half, m, n);
        float[][] sums = bench.read(sum, m, n);
        for (int r = 0; r < m; r++) {
            for (int c = 0; c < n; c++) {
                double dot = 0;
                double magnitude = 0;
                for (int i = 0; i < k; i++) {
                    dot += (double) seen[r][i] * w.values[c][i];
                    magnitude += Math.abs((double) seen[r][i] * w.values[c][i]);
                }
                double tolerance = (2e-5 + weightError) * magnitude + 1e-6;
                expectClose(products[r][c], dot, tolerance, w.matrix.format(), m, "x", n, "x", k);
                expect(sums[r][c] == before[r][c] + products[r][c], "sum", m, "x", n, "x", k);
                expect(halves[r][c] == KernelRows.round(products[r][c]), "rounded", m, "x", n, "x", k);
            }
        }
    }

    /// Rows of bytes, as the norm writes them: a norm that multiplies by nearly one.
    private Rows quantised(float[][] x) {
        int width = x[0].length;
        float[] ones = new float[width];
        java.util.Arrays.fill(ones, 1f);
        Rows bytes = bench.emptyRows(x.length, width, Format.INT8);
        Rows from = bench.rows(x, Format.FLOAT32);
        bench.kernels.rmsNorm(from, CudaKernels.NOTHING, 0, bench.floats(ones), 1e-5f, bytes, x.length, width);
        return bytes;
    }

    // --- blocks and graphs

    void copiesBlocksThereAndBack() {
        int layers = 3;
        int blockBytes = 272;
        byte[] content = new byte[layers * 5 * blockBytes];
        random.nextBytes(content);
        MemorySegment stored = bench.host.allocate(content.length, 16);
        stored.copyFrom(MemorySegment.ofArray(content));
        CudaKv.Cache cache = new CudaKv.Cache(bench.put(stored), 5L * blockBytes, blockBytes, layers);
        MemorySegment host = bench.device.allocPinned(4L * layers * blockBytes);
        bench.kernels.copyBlocks(cache, host.address(), bench.ints(4, 0, 1, 3), 2, true);
        bench.device.fill(cache.address(), 0, content.length);
        bench.kernels.copyBlocks(cache, host.address(), bench.ints(2, 3, 0, 0), 2, false);
        MemorySegment after = bench.read(cache.address(), content.length);
        bench.device.freePinned(host);
        for (int layer = 0; layer < layers; layer++) {
            int first = layer * 5 * blockBytes;
            for (int i = 0; i < blockBytes; i++) {
                expect(after.get(JAVA_BYTE, first + 2L * blockBytes + i) == content[first + blockBytes + i], "1 to 2");
                expect(after.get(JAVA_BYTE, first + i) == content[first + 4 * blockBytes + i], "4 to 0");
                expect(after.get(JAVA_BYTE, first + 3L * blockBytes + i) == 0, "3 untouched");
            }
        }
    }

    void aGraphReadsWhatStandsInMemoryWhenItRuns() {
        float[][] table = KernelRows.random(random, 10, 64);
        CudaMatrix matrix = bench.matrix(table, Format.FLOAT32);
        long tokens = bench.ints(1, 2);
        Rows out = bench.emptyRows(2, 64, Format.FLOAT32);
        Rows twice = bench.rows(new float[2][64], Format.FLOAT32);
        CudaDevice.Graph graph = bench.device.capture(() -> {
            bench.kernels.embed(matrix, tokens, out, 2);
            bench.kernels.add(twice, out, 2, 64);
        });
        expect(graph.nodeCount() == 2, graph.nodeCount(), "nodes");
        expect(bench.read(twice, 2, 64)[0][0] == 0, "capturing computes nothing");
        for (int[] ids : new int[][] {{3, 4}, {9, 0}}) {
            bench.device.copy(tokens, bench.ints(ids), 8);
            bench.device.launch(graph);
            float[][] actual = bench.read(out, 2, 64);
            for (int r = 0; r < 2; r++) expect(java.util.Arrays.equals(actual[r], table[ids[r]]), "token", ids[r]);
        }
        expect(bench.read(twice, 2, 64)[1][7] == table[4][7] + table[0][7], "each launch adds once");
        bench.device.close(graph);
    }

    private static float rounded(float value, Format format) {
        return format == Format.FLOAT32 ? value : KernelRows.round(value);
    }
}
