package io.sluice.server;

import io.sluice.modelstore.IncrementalDetokenizer;
import io.sluice.modelstore.RenderedChat;
import io.sluice.modelstore.Tokenizer;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.OptionalInt;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;

/// A fake tokenizer that goes with `ScriptedRunner`: a token per UTF-8 byte, so that every character beyond ASCII is
/// split; `MARK` becomes the script's token.
final class ByteTokenizer implements Tokenizer {
    /// What follows it in a prompt is what the fake model answers.
    static final char MARK = '→';

    private final AtomicInteger encodings = new AtomicInteger();

    /// How many texts were turned into tokens.
    int encodings() {
        return encodings.get();
    }

    @Override
    public int[] encode(String text) {
        encodings.incrementAndGet();
        return text.codePoints()
                .flatMap(c -> c == MARK ? IntStream.of(ScriptedRunner.SCRIPT) : bytesOf(c))
                .toArray();
    }

    @Override
    public int[] encodeContinuation(String text) {
        return encode(text);
    }

    private static IntStream bytesOf(int codePoint) {
        byte[] bytes = Character.toString(codePoint).getBytes(StandardCharsets.UTF_8);
        return IntStream.range(0, bytes.length).map(i -> bytes[i] & 0xFF);
    }

    @Override
    public int[] encode(RenderedChat chat) {
        return encode(chat.text());
    }

    @Override
    public String decode(int[] ids) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        for (int id : ids) bytes.writeBytes(tokenBytes(id));
        return bytes.toString(StandardCharsets.UTF_8);
    }

    @Override
    public byte[] tokenBytes(int id) {
        return id < 256 ? new byte[] {(byte) id} : new byte[0];
    }

    @Override
    public String tokenText(int id) {
        return isSpecial(id) ? "<" + id + ">" : decode(new int[] {id});
    }

    @Override
    public OptionalInt tokenId(String token) {
        return OptionalInt.empty();
    }

    @Override
    public boolean isSpecial(int id) {
        return id >= 256;
    }

    @Override
    public int vocabSize() {
        return ScriptedRunner.VOCAB_SIZE;
    }

    @Override
    public IncrementalDetokenizer detokenizer() {
        CharsetDecoder decoder = StandardCharsets.UTF_8
                .newDecoder()
                .onMalformedInput(CodingErrorAction.REPLACE)
                .onUnmappableCharacter(CodingErrorAction.REPLACE);
        ByteBuffer pending = ByteBuffer.allocate(16);
        return new IncrementalDetokenizer() {
            @Override
            public String append(int id) {
                return decode(tokenBytes(id), false);
            }

            @Override
            public String finish() {
                return decode(new byte[0], true);
            }

            private String decode(byte[] bytes, boolean end) {
                CharBuffer chars = CharBuffer.allocate(16);
                pending.put(bytes).flip();
                decoder.decode(pending, chars, end);
                pending.compact();
                return chars.flip().toString();
            }
        };
    }
}
