package io.sluice.demomodel;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/// The model's own tokenizer, read back from the `tokenizer.json` that was written for it, so that training sees
/// exactly the ids that serving will. One thread.
final class DemoTokenizer implements AutoCloseable {
    static final String END = "<|end|>";
    static final String SYSTEM = "<|system|>";
    static final String USER = "<|user|>";
    static final String ASSISTANT = "<|assistant|>";

    /// In the order of their ids, from 0.
    static final List<String> SPECIALS = List.of(END, SYSTEM, USER, ASSISTANT);

    static final int END_ID = SPECIALS.indexOf(END);

    /// A conversation as token ids.
    ///
    /// @param learned positions of the ids that the model must learn to write: the assistant's words and the end
    ///     mark after them
    record Encoded(int[] ids, BitSet learned) {}

    private final HuggingFaceTokenizer tokenizer;

    DemoTokenizer(Path folder) throws IOException {
        this.tokenizer = HuggingFaceTokenizer.newInstance(
                folder.resolve("tokenizer.json"),
                Map.of("addSpecialTokens", "false", "truncation", "false", "padding", "false"));
    }

    int[] encode(String text) {
        long[] ids = tokenizer.encode(text, false, false).getIds();
        return IntStream.range(0, ids.length).map(i -> (int) ids[i]).toArray();
    }

    String decode(int[] ids) {
        return tokenizer.decode(IntStream.of(ids).asLongStream().toArray(), true);
    }

    Encoded encode(Chat chat) {
        var ids = IntStream.builder();
        var learned = new BitSet();
        int size = 0;
        if (chat.plain().isPresent()) {
            size = write(ids, size, encode(chat.plain().get()));
            learned.set(1, size + 1);
            write(ids, size, END_ID);
            return new Encoded(ids.build().toArray(), learned);
        }
        if (chat.system().isPresent()) {
            size = writeTurn(ids, size, SYSTEM, chat.system().get());
        }
        for (Chat.Turn turn : chat.turns()) {
            size = writeTurn(ids, size, USER, turn.user());
            int start = size + 1; // after the assistant's mark
            size = writeTurn(ids, size, ASSISTANT, turn.assistant());
            learned.set(start, size);
        }
        return new Encoded(ids.build().toArray(), learned);
    }

    /// A question as the chat template writes it, ready for the answer.
    int[] prompt(String question) {
        var ids = IntStream.builder();
        int size = writeTurn(ids, 0, USER, question);
        write(ids, size, SPECIALS.indexOf(ASSISTANT));
        return ids.build().toArray();
    }

    private int writeTurn(IntStream.Builder ids, int size, String role, String text) {
        int after = write(ids, size, SPECIALS.indexOf(role));
        after = write(ids, after, encode(text));
        return write(ids, after, END_ID);
    }

    private static int write(IntStream.Builder ids, int size, int... more) {
        for (int id : more) {
            ids.add(id);
        }
        return size + more.length;
    }

    @Override
    public void close() {
        tokenizer.close();
    }
}
