package io.sluice.modelstore;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/// The alphabet of byte-level BPE (GPT-2's): each of the 256 bytes has a printable character that stands for
/// it in the vocabulary. Printable Latin-1 characters stand for themselves, the 68 others take U+0100
/// onwards.
final class TokenizerByteAlphabet {
    private static final int OTHERS_FROM = 0x100;
    private static final int ALPHABET_END = OTHERS_FROM + 68;
    private static final short[] BYTE_OF_CHAR = byteOfChar();

    private TokenizerByteAlphabet() {}

    /// The bytes that a token stands for; a token with a character outside the alphabet (an added token) is
    /// its own UTF-8.
    static byte[] bytes(String token) {
        byte[] bytes = new byte[token.length()];
        for (int i = 0; i < bytes.length; i++) {
            char c = token.charAt(i);
            if (c >= ALPHABET_END || BYTE_OF_CHAR[c] < 0) {
                return token.getBytes(StandardCharsets.UTF_8);
            }
            bytes[i] = (byte) BYTE_OF_CHAR[c];
        }
        return bytes;
    }

    private static short[] byteOfChar() {
        short[] byteOf = new short[ALPHABET_END];
        Arrays.fill(byteOf, (short) -1);
        int next = OTHERS_FROM;
        for (int b = 0; b < 256; b++) {
            boolean printable = (b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
            byteOf[printable ? b : next++] = (short) b;
        }
        return byteOf;
    }
}
