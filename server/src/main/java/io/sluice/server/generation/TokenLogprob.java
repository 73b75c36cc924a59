package io.sluice.server.generation;

import java.util.List;

/// A token with its log-probability, and the likeliest alternatives at its position. A value.
///
/// @param token its text; U+FFFD stands for part of a character
/// @param bytes what it adds to the output
/// @param textOffset where its text starts in the choice's text, in UTF-16 units
public record TokenLogprob(
        String token, byte[] bytes, float logprob, int textOffset, List<TokenLogprob> alternatives) {}
