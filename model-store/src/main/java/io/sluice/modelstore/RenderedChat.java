package io.sluice.modelstore;

/// A chat as the model's template wrote it, with the knowledge of which characters the template wrote itself: only
/// there may special tokens be recognised, so that nobody can forge a turn by typing its markers. A value.
///
/// @param text the whole prompt
/// @param fromTemplate per UTF-16 unit of `text`, true if the template wrote it, false if it came from a message
public record RenderedChat(String text, java.util.BitSet fromTemplate) {}
