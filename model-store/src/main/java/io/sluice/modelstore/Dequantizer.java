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
            case Q4_K -> q4of256(stored, row);
            case Q6_K -> q6of256(stored, row);
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

    /// Block: f16 scale, f16 scale of the minima, 12 bytes with 8 six-bit scales and 8 six-bit minima, 128
    /// bytes. Each run of 32 bytes holds 64 numbers: low nibbles under scale 2r, high nibbles under scale 2r +
    /// 1.
    private static void q4of256(byte[] stored, float[] row) {
        for (int at = 0, out = 0; out < row.length; at += 144, out += 256) {
            float scale = half(stored, at);
            float minimumScale = half(stored, at + 2);
            for (int run = 0; run < 4; run++) {
                float lowScale = scale * sixBitScale(stored, at + 4, 2 * run);
                float lowMinimum = minimumScale * sixBitMinimum(stored, at + 4, 2 * run);
                float highScale = scale * sixBitScale(stored, at + 4, 2 * run + 1);
                float highMinimum = minimumScale * sixBitMinimum(stored, at + 4, 2 * run + 1);
                int bytes = at + 16 + 32 * run;
                int target = out + 64 * run;
                for (int i = 0; i < 32; i++) {
                    int pair = stored[bytes + i];
                    row[target + i] = lowScale * (pair & 15) - lowMinimum;
                    row[target + 32 + i] = highScale * (pair >> 4 & 15) - highMinimum;
                }
            }
        }
    }

    /// Scales 0..3 are the low six bits of bytes 0..3; scales 4..7 have their low four bits in the low nibbles
    /// of bytes 8..11 and their high two in the top of bytes 0..3.
    private static int sixBitScale(byte[] stored, int at, int index) {
        return index < 4
                ? stored[at + index] & 63
                : (stored[at + index + 4] & 15) | (stored[at + index - 4] >> 6 & 3) << 4;
    }

    /// Minima 0..3 are the low six bits of bytes 4..7; minima 4..7 have their low four bits in the high nibbles
    /// of bytes 8..11 and their high two in the top of bytes 4..7.
    private static int sixBitMinimum(byte[] stored, int at, int index) {
        return index < 4
                ? stored[at + index + 4] & 63
                : (stored[at + index + 4] >> 4 & 15) | (stored[at + index] >> 6 & 3) << 4;
    }

    /// Block: 128 bytes of low nibbles, 64 bytes of high bit pairs, 16 signed scales (one per 16 numbers), f16
    /// scale. Each half of the block is 64 + 32 bytes for 128 numbers, laid out as four quarters of 32.
    private static void q6of256(byte[] stored, float[] row) {
        for (int at = 0, out = 0; out < row.length; at += 210, out += 256) {
            float scale = half(stored, at + 208);
            for (int half = 0; half < 2; half++) {
                int low = at + 64 * half;
                int high = at + 128 + 32 * half;
                int scales = at + 192 + 8 * half;
                int target = out + 128 * half;
                for (int part = 0; part < 2; part++) { // 16 numbers of each quarter share a scale
                    float first = scale * stored[scales + part];
                    float second = scale * stored[scales + 2 + part];
                    float third = scale * stored[scales + 4 + part];
                    float fourth = scale * stored[scales + 6 + part];
                    for (int i = 16 * part; i < 16 * part + 16; i++) {
                        int a = stored[low + i];
                        int b = stored[low + 32 + i];
                        int bits = stored[high + i];
                        row[target + i] = first * (((a & 15) | (bits & 3) << 4) - 32);
                        row[target + 32 + i] = second * (((b & 15) | (bits >> 2 & 3) << 4) - 32);
                        row[target + 64 + i] = third * (((a >> 4 & 15) | (bits >> 4 & 3) << 4) - 32);
                        row[target + 96 + i] = fourth * (((b >> 4 & 15) | (bits >> 6 & 3) << 4) - 32);
                    }
                }
            }
        }
    }

    private static float half(byte[] stored, int at) {
        return Float.float16ToFloat((short) SHORT.get(stored, at));
    }
}
