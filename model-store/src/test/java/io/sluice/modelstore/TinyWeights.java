package io.sluice.modelstore;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Random;
import java.util.function.Consumer;

/// Random weights of a Llama model, a function of seed and tensor name, so that a folder and a GGUF file of one
/// seed hold the same numbers.
final class TinyWeights {
    private final ModelConfig config;
    private final long seed;
    private final TensorType type;

    TinyWeights(ModelConfig config, long seed, TensorType type) {
        this.config = config;
        this.seed = seed;
        this.type = type;
    }

    /// One tensor in Hugging Face's row order.
    ///
    /// @param columns 0 for a vector of `rows` numbers
    record Tensor(String name, TensorType type, int rows, int columns, byte[] bytes) {
        boolean isVector() {
            return columns == 0;
        }

        long[] shape() {
            return isVector() ? new long[] {rows} : new long[] {rows, columns};
        }
    }

    void forEach(Consumer<Tensor> consumer) {
        int hidden = config.hiddenSize();
        int queries = config.headCount() * config.headDim();
        int keys = config.kvHeadCount() * config.headDim();
        int inner = config.intermediateSize();
        consumer.accept(matrix("model.embed_tokens.weight", config.vocabSize(), hidden));
        for (int layer = 0; layer < config.layerCount(); layer++) {
            String prefix = "model.layers." + layer + ".";
            consumer.accept(norm(prefix + "input_layernorm.weight"));
            consumer.accept(matrix(prefix + "self_attn.q_proj.weight", queries, hidden));
            consumer.accept(matrix(prefix + "self_attn.k_proj.weight", keys, hidden));
            consumer.accept(matrix(prefix + "self_attn.v_proj.weight", keys, hidden));
            consumer.accept(matrix(prefix + "self_attn.o_proj.weight", hidden, queries));
            consumer.accept(norm(prefix + "post_attention_layernorm.weight"));
            consumer.accept(matrix(prefix + "mlp.gate_proj.weight", inner, hidden));
            consumer.accept(matrix(prefix + "mlp.up_proj.weight", inner, hidden));
            consumer.accept(matrix(prefix + "mlp.down_proj.weight", hidden, inner));
        }
        consumer.accept(norm("model.norm.weight"));
        if (!config.tiedHead()) {
            consumer.accept(matrix("lm_head.weight", config.vocabSize(), hidden));
        }
    }

    /// Near 1, and exact in every floating-point type; always float32, as converters keep them.
    private Tensor norm(String name) {
        Random random = random(name);
        ByteBuffer bytes = ByteBuffer.allocate(4 * config.hiddenSize()).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < config.hiddenSize(); i++) {
            bytes.putFloat(1 + (random.nextInt(33) - 16) / 64f);
        }
        return new Tensor(name, TensorType.F32, config.hiddenSize(), 0, bytes.array());
    }

    private Tensor matrix(String name, int rows, int columns) {
        if (columns % type.blockLength() != 0) {
            throw new IllegalArgumentException(
                    name + ": rows of " + columns + " numbers are not whole blocks of " + type);
        }
        return new Tensor(name, type, rows, columns, matrixBytes(type, rows, columns, random(name)));
    }

    /// Numbers with a standard deviation of about 1 / sqrt(columns), which keeps activations near 1. Quantised
    /// blocks are random bytes under scales that give that deviation.
    private static byte[] matrixBytes(TensorType type, int rows, int columns, Random random) {
        double deviation = 1 / Math.sqrt(columns);
        int blocks = rows * (columns / type.blockLength());
        ByteBuffer bytes = ByteBuffer.allocate(blocks * type.blockBytes()).order(ByteOrder.LITTLE_ENDIAN);
        byte[] block = new byte[type.blockBytes()];
        for (int b = 0; b < blocks; b++) {
            random.nextBytes(block);
            double scale = deviation * (0.75 + random.nextDouble() / 2);
            int at = bytes.position();
            bytes.put(block);
            switch (type) {
                case F32 -> bytes.putFloat(at, (float) (deviation * random.nextGaussian()));
                case F16 -> putHalf(bytes, at, deviation * random.nextGaussian());
                case BF16 ->
                    bytes.putShort(
                            at, (short) (Float.floatToRawIntBits((float) (deviation * random.nextGaussian())) >> 16));
                case Q8_0 -> putHalf(bytes, at, scale / 74);
                case Q4_0 -> putHalf(bytes, at, scale / 4.6);
                case Q4_1 -> {
                    putHalf(bytes, at, scale / 4.6);
                    putHalf(bytes, at + 2, -7.5 * scale / 4.6);
                }
                case Q4_K -> {
                    putHalf(bytes, at, scale / (4.6 * 31));
                    putHalf(bytes, at + 2, 7.5 * scale / (4.6 * 31));
                }
                case Q5_0 -> putHalf(bytes, at, scale / 9.2);
                case Q5_1 -> {
                    putHalf(bytes, at, scale / 9.2);
                    putHalf(bytes, at + 2, -15.5 * scale / 9.2);
                }
                case IQ4_NL -> putHalf(bytes, at, scale / 71);
                case Q2_K -> {
                    putHalf(bytes, at + 80, scale / (1.1 * 7.5));
                    putHalf(bytes, at + 82, 1.5 * scale / (1.1 * 7.5));
                }
                case Q3_K -> putHalf(bytes, at + 108, scale / (2.3 * 18));
                case Q5_K -> {
                    putHalf(bytes, at, scale / (9.2 * 31));
                    putHalf(bytes, at + 2, 15.5 * scale / (9.2 * 31));
                }
                case IQ4_XS -> putHalf(bytes, at, scale / (71 * 18));
                case Q6_K -> putHalf(bytes, at + 208, scale / (74 * 18));
                default -> throw new IllegalArgumentException("not a type of these files: " + type);
            }
        }
        return bytes.array();
    }

    private static void putHalf(ByteBuffer bytes, int at, double value) {
        bytes.putShort(at, Float.floatToFloat16((float) value));
    }

    private Random random(String name) {
        return new Random(seed * 1_000_003 + name.hashCode());
    }
}
