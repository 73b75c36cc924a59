package io.sluice.modelstore;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;

/// Puts the bytes of a stream of tokens together and gives out each character once all its bytes are there;
/// between tokens it keeps at most the three bytes of an unfinished character. One thread.
final class ByteDetokenizer implements IncrementalDetokenizer {
    private final Tokenizer tokenizer;
    private final CharsetDecoder utf8 = StandardCharsets.UTF_8
            .newDecoder()
            .onMalformedInput(CodingErrorAction.REPLACE)
            .onUnmappableCharacter(CodingErrorAction.REPLACE);
    private ByteBuffer undecoded = ByteBuffer.allocate(64); // in reading position
    private boolean dropSpace;

    /// @param stripsLeadingSpace the text loses one space at its start
    ByteDetokenizer(Tokenizer tokenizer, boolean stripsLeadingSpace) {
        this.tokenizer = tokenizer;
        dropSpace = stripsLeadingSpace;
        undecoded.limit(0);
    }

    @Override
    public String append(int id) {
        byte[] bytes = tokenizer.tokenBytes(id);
        if (bytes.length == 0) {
            return "";
        }
        int from = dropSpace && bytes[0] == ' ' ? 1 : 0;
        dropSpace = false;
        // Most tokens are whole ASCII words: nothing to wait for, nothing to decode.
        if (!undecoded.hasRemaining() && isAscii(bytes)) {
            return new String(bytes, from, bytes.length - from, StandardCharsets.ISO_8859_1);
        }
        return decode(bytes, from, false);
    }

    private static boolean isAscii(byte[] bytes) {
        for (byte one : bytes) {
            if (one < 0) return false;
        }
        return true;
    }

    @Override
    public String finish() {
        return decode(new byte[0], 0, true);
    }

    private String decode(byte[] bytes, int from, boolean end) {
        int length = undecoded.remaining() + bytes.length - from;
        if (length > undecoded.capacity()) {
            undecoded = ByteBuffer.allocate(2 * length).put(undecoded);
        } else {
            undecoded.compact();
        }
        undecoded.put(bytes, from, bytes.length - from).flip();
        CharBuffer text = CharBuffer.allocate(length + 1); // a byte gives at most one UTF-16 unit
        utf8.decode(undecoded, text, end);
        return text.flip().toString();
    }
}
