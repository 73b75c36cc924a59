package io.sluice.device;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import io.sluice.modelstore.TensorType;
import java.lang.foreign.MemorySegment;

/// Brings quantised weights that the kernels do not multiply into a type that they do. Stateless; any thread.
final class Requantising {
    private static final int Q8_BYTES = TensorType.Q8_0.blockBytes();
    private static final int Q4_BYTES = TensorType.Q4_1.blockBytes();
    private static final int Q4_K_NUMBERS = TensorType.Q4_K.blockLength();
    private static final int Q4_K_BYTES = TensorType.Q4_K.blockBytes();
    private static final int SCALES = 4; // bytes from a Q4_K block's start to its six-bit scales and minima
    private static final int NIBBLES = 16;

    private Requantising() {}

    /// Rounds `count` float32 numbers, whole blocks, to Q8_0: the largest of a block becomes 127.
    static void toQ8(MemorySegment floats, int count, MemorySegment target) {
        for (int block = 0; block < count / Format.BLOCK; block++) {
            long from = (long) block * Format.BLOCK;
            long to = (long) block * Q8_BYTES;
            float largest = 0;
            for (int i = 0; i < Format.BLOCK; i++) {
                largest = Math.max(largest, Math.abs(floats.getAtIndex(JAVA_FLOAT, from + i)));
            }
            short scale = Float.floatToFloat16(largest / 127);
            float rounded = Float.float16ToFloat(scale);
            float inverse = rounded > 0 ? 1 / rounded : 0;
            target.set(JAVA_SHORT_UNALIGNED, to, scale);
            for (int i = 0; i < Format.BLOCK; i++) {
                float number = floats.getAtIndex(JAVA_FLOAT, from + i) * inverse;
                target.set(JAVA_BYTE, to + 2 + i, (byte) Math.clamp(Math.round(number), -127, 127));
            }
        }
    }

    /// Q4_K as Q4_1, whose blocks are the runs of 32 that share a scale: the same four bits, scales and
    /// minima multiplied out and rounded to float16.
    ///
    /// @param count numbers, whole blocks of 256
    static void toQ4(MemorySegment blocks, int count, MemorySegment target) {
        for (int block = 0; block < count / Q4_K_NUMBERS; block++) {
            long from = (long) block * Q4_K_BYTES;
            float scale = half(blocks, from);
            float minimumScale = half(blocks, from + 2);
            for (int run = 0; run < 8; run++) {
                long to = ((long) block * 8 + run) * Q4_BYTES;
                float runScale = scale * scale(blocks, from + SCALES, run);
                float minimum = minimumScale * minimum(blocks, from + SCALES, run);
                target.set(JAVA_SHORT_UNALIGNED, to, Float.floatToFloat16(runScale));
                target.set(JAVA_SHORT_UNALIGNED, to + 2, Float.floatToFloat16(-minimum));
                long nibbles = from + NIBBLES + run / 2 * 32L;
                int shift = run % 2 * 4;
                for (int i = 0; i < 16; i++) {
                    int low = blocks.get(JAVA_BYTE, nibbles + i) >> shift & 15;
                    int high = blocks.get(JAVA_BYTE, nibbles + 16 + i) >> shift & 15;
                    target.set(JAVA_BYTE, to + 4 + i, (byte) (low | high << 4));
                }
            }
        }
    }

    /// Scales 0..3 are in the low bits of bytes 0..3; the others have their low four bits in the low
    /// nibbles of bytes 8..11 and their high two on top of bytes 0..3.
    private static int scale(MemorySegment blocks, long at, int index) {
        if (index < 4) return blocks.get(JAVA_BYTE, at + index) & 63;
        int high = blocks.get(JAVA_BYTE, at + index - 4) >> 6 & 3;
        return (blocks.get(JAVA_BYTE, at + index + 4) & 15) | high << 4;
    }

    /// Minima likewise, from byte 4 on and with the high nibbles of bytes 8..11.
    private static int minimum(MemorySegment blocks, long at, int index) {
        if (index < 4) return blocks.get(JAVA_BYTE, at + index + 4) & 63;
        int high = blocks.get(JAVA_BYTE, at + index) >> 6 & 3;
        return (blocks.get(JAVA_BYTE, at + index + 4) >> 4 & 15) | high << 4;
    }

    private static float half(MemorySegment blocks, long at) {
        return Float.float16ToFloat(blocks.get(JAVA_SHORT_UNALIGNED, at));
    }
}
