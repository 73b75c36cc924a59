package io.sluice.device;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import io.sluice.modelstore.ModelConfig;
import io.sluice.modelstore.TensorType;
import io.sluice.modelstore.WeightTensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;

/// A model of a published shape with random weights of bfloat16, whose rows come from one stretch of random
/// numbers: so that a model of 16 GB needs none of them in the machine's memory. Good for speed, and for
/// agreement between two ways of computing it.
final class ShapedModel implements AutoCloseable {
    private static final int NUMBERS = 1 << 22;

    /// Shapes as published, in a few layers or whole.
    static ModelConfig llama1b(int layers) {
        return new ModelConfig("llama", 128_256, 2048, layers, 32, 8, 64, 8192, 1e-5f, 500_000f, 16_384, true);
    }

    static ModelConfig llama8b(int layers) {
        return new ModelConfig("llama", 128_256, 4096, layers, 32, 8, 128, 14_336, 1e-5f, 500_000f, 16_384, false);
    }

    /// Qwen3-8B's widths: its norms of queries and keys, which cost next to nothing, are not in it.
    static ModelConfig qwen8b(int layers) {
        return new ModelConfig("llama", 151_936, 4096, layers, 32, 8, 128, 12_288, 1e-6f, 1e6f, 16_384, false);
    }

    private final ModelConfig config;
    private final Arena arena = Arena.ofShared();
    private final short[] numbers = new short[NUMBERS];
    private final Map<Integer, MemorySegment> scaled = new HashMap<>(); // by columns
    private final MemorySegment ones;

    ShapedModel(ModelConfig config, long seed) {
        this.config = config;
        Random random = new Random(seed);
        for (int i = 0; i < NUMBERS; i++) numbers[i] = WeightReader.bfloat16((float) random.nextGaussian());
        ones = arena.allocate(JAVA_FLOAT, config.hiddenSize());
        for (int i = 0; i < config.hiddenSize(); i++) ones.setAtIndex(JAVA_FLOAT, i, 1);
    }

    ModelConfig config() {
        return config;
    }

    WeightFiles files() {
        return new WeightFiles(Path.of("shaped-model"), config, this::tensor);
    }

    /// Bytes of weights that a step reads: all but the embedding, unless that is the head.
    static long stepWeightBytes(ModelConfig config) {
        return 2 * layerNumbers(config) * config.layerCount() + 2L * config.vocabSize() * config.hiddenSize();
    }

    /// Operations of one token in all layers, attention aside.
    static double tokenFlops(ModelConfig config) {
        return 2.0 * layerNumbers(config) * config.layerCount();
    }

    private static long layerNumbers(ModelConfig config) {
        long queryWidth = (long) config.headCount() * config.headDim();
        long keyWidth = (long) config.kvHeadCount() * config.headDim();
        return config.hiddenSize() * (2 * queryWidth + 2 * keyWidth + 3L * config.intermediateSize());
    }

    private WeightTensor tensor(String name) {
        if (name.endsWith("norm.weight")) return new Norm(name, config.hiddenSize(), ones);
        int queryWidth = config.headCount() * config.headDim();
        int keyWidth = config.kvHeadCount() * config.headDim();
        int hidden = config.hiddenSize();
        String tensor = name.replaceFirst("\\.weight$", "");
        return switch (tensor.substring(tensor.lastIndexOf('.') + 1)) {
            case "q_proj" -> rows(name, queryWidth, hidden);
            case "k_proj", "v_proj" -> rows(name, keyWidth, hidden);
            case "o_proj" -> rows(name, hidden, queryWidth);
            case "gate_proj", "up_proj" -> rows(name, config.intermediateSize(), hidden);
            case "down_proj" -> rows(name, hidden, config.intermediateSize());
            default -> rows(name, config.vocabSize(), hidden);
        };
    }

    private WeightTensor rows(String name, int rows, int columns) {
        return new Rows(name, rows, columns, scaled.computeIfAbsent(columns, this::scaledFor));
    }

    /// About as large as keeps activations in bounds: one by the root of the columns, a power of two.
    private MemorySegment scaledFor(int columns) {
        int shift = (Integer.SIZE - Integer.numberOfLeadingZeros(columns)) / 2; // of the exponent
        MemorySegment target = MemorySegment.ofArray(new short[NUMBERS]); // not native: its rows do not lie in order
        for (int i = 0; i < NUMBERS; i++) {
            boolean vanishes = (numbers[i] >> 7 & 0xff) <= shift;
            target.setAtIndex(JAVA_SHORT, i, vanishes ? (short) 0 : (short) (numbers[i] - (shift << 7)));
        }
        return target;
    }

    @Override
    public void close() {
        arena.close();
    }

    /// A vector of ones.
    private record Norm(String name, int columns, MemorySegment ones) implements WeightTensor {
        @Override
        public TensorType type() {
            return TensorType.F32;
        }

        @Override
        public int rows() {
            return 1;
        }

        @Override
        public MemorySegment rowBytes(int row) {
            return ones;
        }

        @Override
        public void readRows(int firstRow, int rowCount, MemorySegment target) {
            MemorySegment.copy(ones, 0, target, 0, 4L * columns);
        }
    }

    /// A matrix whose rows begin at places that their number and the tensor's name give.
    private record Rows(String name, int rows, int columns, MemorySegment numbers) implements WeightTensor {
        @Override
        public TensorType type() {
            return TensorType.BF16;
        }

        @Override
        public MemorySegment rowBytes(int row) {
            long mixed = (name.hashCode() * 31L + row) * 0x9e3779b97f4a7c15L;
            long start = Long.remainderUnsigned(mixed ^ (mixed >>> 29), numbers.byteSize() / 2 - columns);
            return numbers.asSlice(2 * start, 2L * columns);
        }

        @Override
        public void readRows(int firstRow, int rowCount, MemorySegment target) {
            for (int r = 0; r < rowCount; r++) {
                MemorySegment bytes = rowBytes(firstRow + r);
                for (int i = 0; i < columns; i++) {
                    int bits = bytes.getAtIndex(JAVA_SHORT, i) << 16;
                    target.setAtIndex(JAVA_FLOAT, (long) r * columns + i, Float.intBitsToFloat(bits));
                }
            }
        }
    }
}
