package io.sluice.modelstore;

import java.util.OptionalInt;

/// Text to token ids and back. Any thread.
public interface Tokenizer {

    /// Ids of a prompt that has not been through a chat template: a leading beginning-of-sequence id is added
    /// if the model wants one, and special tokens in the text are recognised.
    int[] encode(String text);

    /// The same for text that continues other text: without a leading beginning-of-sequence id.
    int[] encodeContinuation(String text);

    /// Ids of a rendered chat. The template wrote its own special tokens; those that came from a message are plain
    /// text.
    int[] encode(RenderedChat chat);

    /// Text of the ids; special tokens are left out. Bytes that are no UTF-8 become U+FFFD.
    String decode(int[] ids);

    /// The bytes that a token stands for in the output; empty for special tokens.
    byte[] tokenBytes(int id);

    /// The token as the vocabulary spells it, for log-probability reports.
    String tokenText(int id);

    OptionalInt tokenId(String token);

    boolean isSpecial(int id);

    /// Number of ids, added tokens included.
    int vocabSize();

    /// Turns a stream of ids into text piece by piece, never splitting a character.
    IncrementalDetokenizer detokenizer();
}
