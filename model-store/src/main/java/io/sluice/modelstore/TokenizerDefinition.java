package io.sluice.modelstore;

import java.nio.file.Path;
import java.util.BitSet;
import java.util.List;
import java.util.OptionalInt;

/// All that is known about a tokenizer before the native library has it, whatever file it came from. A value.
///
/// @param file for messages
/// @param json what the native library loads: the tokenizer without its special tokens, so that it can only
///     ever see plain text
/// @param tokens the vocabulary as it is spelled, by id; empty where an id is not used
/// @param specials the tokens that only a template, or a raw prompt, may write
/// @param hidden ids that are left out of decoded text
/// @param addBos a raw prompt begins with `bos`
/// @param stripsLeadingSpace a text loses one space at its start when it is decoded
record TokenizerDefinition(
        Path file,
        String json,
        String[] tokens,
        List<TokenizerSpecial> specials,
        BitSet hidden,
        OptionalInt bos,
        boolean addBos,
        TokenizerSpelling spelling,
        TokenizerSpacePrefix spacePrefix,
        boolean stripsLeadingSpace) {

    TokenizerDefinition {
        specials = List.copyOf(specials);
    }
}
