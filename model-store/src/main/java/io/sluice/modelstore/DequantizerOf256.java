package io.sluice.modelstore;

/// Decodes ggml's super-blocks of 256 numbers ("K-quants", and IQ4_XS) to float32, as `Dequantizer` does
/// the others. Stateless; any thread.
final class DequantizerOf256 {
    private static final int BLOCK = 256;

    private DequantizerOf256() {}

    /// Block: 16 bytes with a four-bit scale below and a four-bit minimum above, one for each run of 16
    /// numbers; 64 bytes of bit pairs; f16 scale, f16 scale of the minima. Each half of the numbers is 32
    /// bytes, a quarter of the half to each pair of bits.
    static void q2(byte[] stored, float[] row) {
        for (int at = 0, out = 0; out < row.length; at += 84, out += BLOCK) {
            float scale = Dequantizer.half(stored, at + 80);
            float minimumScale = Dequantizer.half(stored, at + 82);
            for (int run = 0; run < 16; run++) {
                int both = stored[at + run];
                float runScale = scale * (both & 15);
                float minimum = minimumScale * (both >> 4 & 15);
                int bytes = at + 16 + run / 8 * 32 + run % 2 * 16;
                int shift = run % 8 / 2 * 2;
                for (int i = 0; i < 16; i++) {
                    row[out + 16 * run + i] = runScale * (stored[bytes + i] >> shift & 3) - minimum;
                }
            }
        }
    }

    /// Block: 32 bytes of third bits; 64 bytes of bit pairs as in Q2_K; 12 bytes with 16 six-bit scales,
    /// each less 32; f16 scale. A number whose third bit is clear is 4 less. Third bits of runs 2r and 2r +
    /// 1 are bit r.
    static void q3(byte[] stored, float[] row) {
        for (int at = 0, out = 0; out < row.length; at += 110, out += BLOCK) {
            float scale = Dequantizer.half(stored, at + 108);
            for (int run = 0; run < 16; run++) {
                float runScale = scale * (q3Scale(stored, at + 96, run) - 32);
                int bytes = at + 32 + run / 8 * 32 + run % 2 * 16;
                int shift = run % 8 / 2 * 2;
                int third = at + run % 2 * 16;
                for (int i = 0; i < 16; i++) {
                    int number = (stored[bytes + i] >> shift & 3) - (((stored[third + i] >> (run / 2)) & 1) ^ 1) * 4;
                    row[out + 16 * run + i] = runScale * number;
                }
            }
        }
    }

    /// Low four bits of scales 0..7 are the low nibbles of bytes 0..7, of scales 8..15 the high ones; the
    /// high two are in bytes 8..11, four scales to a bit pair.
    private static int q3Scale(byte[] stored, int at, int index) {
        int low = index < 8 ? stored[at + index] & 15 : stored[at + index - 8] >> 4 & 15;
        return low | (stored[at + 8 + index % 4] >> (index / 4 * 2) & 3) << 4;
    }

    /// Block: f16 scale, f16 scale of the minima, 12 bytes with 8 six-bit scales and 8 six-bit minima, 128
    /// bytes. Each run of 32 bytes holds 64 numbers: low nibbles under scale 2r, high nibbles under scale
    /// 2r + 1.
    static void q4(byte[] stored, float[] row) {
        for (int at = 0, out = 0; out < row.length; at += 144, out += BLOCK) {
            float scale = Dequantizer.half(stored, at);
            float minimumScale = Dequantizer.half(stored, at + 2);
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

    /// Q4_K with 32 bytes of fifth bits before the nibbles: of runs of 64, bit 2r for the low nibbles, 2r +
    /// 1 for the high ones.
    static void q5(byte[] stored, float[] row) {
        for (int at = 0, out = 0; out < row.length; at += 176, out += BLOCK) {
            float scale = Dequantizer.half(stored, at);
            float minimumScale = Dequantizer.half(stored, at + 2);
            for (int part = 0; part < 8; part++) {
                float partScale = scale * sixBitScale(stored, at + 4, part);
                float minimum = minimumScale * sixBitMinimum(stored, at + 4, part);
                int bytes = at + 48 + part / 2 * 32;
                int shift = part % 2 * 4;
                for (int i = 0; i < 32; i++) {
                    int number = (stored[bytes + i] >> shift & 15) | (stored[at + 16 + i] >> part & 1) << 4;
                    row[out + 32 * part + i] = partScale * number - minimum;
                }
            }
        }
    }

    /// Scales 0..3 are the low six bits of bytes 0..3; scales 4..7 have their low four bits in the low
    /// nibbles of bytes 8..11 and their high two in the top of bytes 0..3.
    static int sixBitScale(byte[] stored, int at, int index) {
        return index < 4
                ? stored[at + index] & 63
                : (stored[at + index + 4] & 15) | (stored[at + index - 4] >> 6 & 3) << 4;
    }

    /// Minima 0..3 are the low six bits of bytes 4..7; minima 4..7 have their low four bits in the high
    /// nibbles of bytes 8..11 and their high two in the top of bytes 4..7.
    static int sixBitMinimum(byte[] stored, int at, int index) {
        return index < 4
                ? stored[at + index + 4] & 63
                : (stored[at + index + 4] >> 4 & 15) | (stored[at + index] >> 6 & 3) << 4;
    }

    /// Block: 128 bytes of low nibbles, 64 bytes of high bit pairs, 16 signed scales (one per 16 numbers),
    /// f16 scale. Each half of the block is 64 + 32 bytes for 128 numbers, laid out as four quarters of 32.
    static void q6(byte[] stored, float[] row) {
        for (int at = 0, out = 0; out < row.length; at += 210, out += 256) {
            float scale = Dequantizer.half(stored, at + 208);
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

    /// Block: f16 scale; two bytes of high bit pairs and four of low nibbles of 8 scales, each less 32; 128
    /// bytes of nibbles, 16 to a scale, which name one of 16 numbers.
    static void iq4(byte[] stored, float[] row) {
        for (int at = 0, out = 0; out < row.length; at += 136, out += BLOCK) {
            float scale = Dequantizer.half(stored, at);
            int high = (stored[at + 2] & 255) | (stored[at + 3] & 255) << 8;
            for (int part = 0; part < 8; part++) {
                int low = stored[at + 4 + part / 2] >> (part % 2 * 4) & 15;
                float partScale = scale * ((low | (high >> (2 * part) & 3) << 4) - 32);
                Dequantizer.nonLinear(stored, at + 8 + 16 * part, partScale, row, out + 32 * part);
            }
        }
    }
}
