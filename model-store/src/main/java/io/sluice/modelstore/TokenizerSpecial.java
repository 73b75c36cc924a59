package io.sluice.modelstore;

/// A special token and how it is recognised in text. A value.
///
/// @param swallowsBefore white space before it belongs to it (`lstrip`)
/// @param swallowsAfter white space after it belongs to it (`rstrip`)
/// @param wholeWord it is not recognised inside a word
record TokenizerSpecial(int id, String text, boolean swallowsBefore, boolean swallowsAfter, boolean wholeWord) {

    /// True for `<|im_end|>` and its like: some models have them as ordinary tokens, and a user must not be
    /// able to write them all the same.
    static boolean looksLikeControl(String token) {
        return (token.startsWith("<|") && token.endsWith("|>") && token.length() > 4)
                || (token.startsWith("<｜") && token.endsWith("｜>") && token.length() > 4);
    }
}
