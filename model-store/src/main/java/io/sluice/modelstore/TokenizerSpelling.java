package io.sluice.modelstore;

import java.nio.charset.StandardCharsets;

/// How a vocabulary spells bytes.
enum TokenizerSpelling {
    /// One printable character per byte, as GPT-2 does.
    BYTE_LEVEL {
        @Override
        byte[] bytes(String token) {
            return TokenizerByteAlphabet.bytes(token);
        }
    },
    /// Characters as they are, a space as `▁`, other bytes as `<0x0A>`.
    SENTENCE_PIECE {
        @Override
        byte[] bytes(String token) {
            int value = byteValue(token);
            return value >= 0
                    ? new byte[] {(byte) value}
                    : token.replace(SPACE, ' ').getBytes(StandardCharsets.UTF_8);
        }
    };

    /// SentencePiece's letter for a space.
    static final char SPACE = '▁';

    abstract byte[] bytes(String token);

    private static int byteValue(String token) {
        if (token.length() != 6 || !token.startsWith("<0x") || token.charAt(5) != '>') {
            return -1;
        }
        int high = Character.digit(token.charAt(3), 16);
        int low = Character.digit(token.charAt(4), 16);
        return high < 0 || low < 0 ? -1 : high << 4 | low;
    }
}
