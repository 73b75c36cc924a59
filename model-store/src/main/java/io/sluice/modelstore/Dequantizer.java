package io.sluice.modelstore;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/// Decodes one row of stored numbers to float32, with the layouts and the order of roundings that ggml defines
/// (`ggml-quants.c`), so that every reader of a file computes with the same weights. Stateless; any thread.
final class Dequantizer {
    private static final VarHandle SHORT = MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);

    private Dequantizer() {}

    /// @param stored whole blocks
    /// @param row receives as many numbers as the blocks hold
    static void decode(TensorType type, byte[] stored, float[] row) {
        switch (type) {
            case F32 -> f32(stored, row);
            case F16 -> f16(stored, row);
            case BF16 -> bf16(stored, row);
            case Q8_0 -> q8of32(stored, row);
            case Q4_0 -> q4of32(stored, row);
            case Q4_1 -> q4of32WithMinimum(stored, row);
            case Q5_0 -> q5of32(stored, row);
            case Q5_1 -> q5of32WithMinimum(stored, row);
            case IQ4_NL -> iq4of32(stored, row);
            case Q2_K -> DequantizerOf256.q2(stored, row);
            case Q3_K -> DequantizerOf256.q3(stored, row);
            case Q4_K -> DequantizerOf256.q4(stored, row);
            case Q5_K -> DequantizerOf256.q5(stored, row);
            case Q6_K -> DequantizerOf256.q6(stored, row);
            case IQ4_XS -> DequantizerOf256.iq4(stored, row);
            case INT4, INT4_SCATTERED, INT8, INT8_SCATTERED, F8_E4M3, I8, I32, I64 ->
                throw new IllegalArgumentException(type + " does not stand by itself");
        }
    }

    private static void f32(byte[] stored, float[] row) {
        for (int i = 0; i < row.length; i++) {
            row[i] = Float.intBitsToFloat((int) INT.get(stored, 4 * i));
        }
    }

    private static void f16(byte[] stored, float[] row) {
        for (int i = 0; i < row.length; i++) {
            row[i] = half(stored, 2 * i);
        }
    }

    private static void bf16(byte[] stored, float[] row) {
        for (int i = 0; i < row.length; i++) {
            row[i] = Float.intBitsToFloat((short) SHORT.get(stored, 2 * i) << 16);
        }
    }

    /// Block: f16 scale, 32 signed bytes.
    private static void q8of32(byte[] stored, float[] row) {
        for (int at = 0, out = 0; out < row.length; at += 34, out += 32) {
            float scale = half(stored, at);
            for (int i = 0; i < 32; i++) {
                row[out + i] = stored[at + 2 + i] * scale;
            }
        }
    }

    /// Block: f16 scale, 16 bytes; low nibbles are numbers 0..15, high nibbles 16..31, each less 8.
    private static void q4of32(byte[] stored, float[] row) {
        for (int at = 0, out = 0; out < row.length; at += 18, out += 32) {
            float scale = half(stored, at);
            for (int i = 0; i < 16; i++) {
                int pair = stored[at + 2 + i];
                row[out + i] = ((pair & 15) - 8) * scale;
                row[out + 16 + i] = ((pair >> 4 & 15) - 8) * scale;
            }
        }
    }

    /// Block: f16 scale, f16 minimum, 16 bytes of nibbles as above.
    private static void q4of32WithMinimum(byte[] stored, float[] row) {
        for (int at = 0, out = 0; out < row.length; at += 20, out += 32) {
            float scale = half(stored, at);
            float minimum = half(stored, at + 2);
            for (int i = 0; i < 16; i++) {
                int pair = stored[at + 4 + i];
                row[out + i] = (pair & 15) * scale + minimum;
                row[out + 16 + i] = (pair >> 4 & 15) * scale + minimum;
            }
        }
    }

    /// Block: f16 scale, four bytes of fifth bits, 16 bytes of nibbles as above, each number less 16.
    private static void q5of32(byte[] stored, float[] row) {
        for (int at = 0, out = 0; out < row.length; at += 22, out += 32) {
            float scale = half(stored, at);
            int fifth = (int) INT.get(stored, at + 2);
            for (int i = 0; i < 16; i++) {
                int pair = stored[at + 6 + i];
                row[out + i] = (((pair & 15) | (fifth >> i & 1) << 4) - 16) * scale;
                row[out + 16 + i] = (((pair >> 4 & 15) | (fifth >> (i + 16) & 1) << 4) - 16) * scale;
            }
        }
    }

    /// Block: f16 scale, f16 minimum, fifth bits and nibbles as above.
    private static void q5of32WithMinimum(byte[] stored, float[] row) {
        for (int at = 0, out = 0; out < row.length; at += 24, out += 32) {
            float scale = half(stored, at);
            float minimum = half(stored, at + 2);
            int fifth = (int) INT.get(stored, at + 4);
            for (int i = 0; i < 16; i++) {
                int pair = stored[at + 8 + i];
                row[out + i] = ((pair & 15) | (fifth >> i & 1) << 4) * scale + minimum;
                row[out + 16 + i] = ((pair >> 4 & 15) | (fifth >> (i + 16) & 1) << 4) * scale + minimum;
            }
        }
    }

    /// What a nibble of the non-linear types stands for.
    private static final byte[] NON_LINEAR = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

    /// Block: f16 scale, 16 bytes of nibbles as above, which name one of 16 numbers.
    private static void iq4of32(byte[] stored, float[] row) {
        for (int at = 0, out = 0; out < row.length; at += 18, out += 32) {
            nonLinear(stored, at + 2, half(stored, at), row, out);
        }
    }

    /// 16 bytes of nibbles as 32 numbers under one scale.
    static void nonLinear(byte[] stored, int at, float scale, float[] row, int out) {
        for (int i = 0; i < 16; i++) {
            int pair = stored[at + i];
            row[out + i] = scale * NON_LINEAR[pair & 15];
            row[out + 16 + i] = scale * NON_LINEAR[pair >> 4 & 15];
        }
    }

    static float half(byte[] stored, int at) {
        return Float.float16ToFloat((short) SHORT.get(stored, at));
    }
}
