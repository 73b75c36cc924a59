package io.sluice.modelstore;

import java.util.BitSet;

/// A chat as the model's template wrote it, with the knowledge of which characters the template wrote itself: only
/// there may special tokens be recognised, so that nobody can forge a turn by typing its markers. A value.
///
/// @param text the whole prompt
/// @param fromTemplate per UTF-16 unit of `text`, true if the template wrote it, false if it came from a message
public record RenderedChat(String text, BitSet fromTemplate) {

    /// The same up to where `content` ends that comes last: what a template puts behind a turn is cut off, so that the
    /// turn can be continued. White space at the ends of `content` does not count, because templates trim it.
    ///
    /// @return as it is if `content` is not in it
    public RenderedChat endingWith(String content) {
        String core = content.strip();
        int start = core.isEmpty() ? -1 : text.lastIndexOf(core);
        if (start < 0) return this;
        int end = start + core.length();
        String rest = content.stripTrailing().length() < content.length()
                ? content.substring(content.stripTrailing().length())
                : "";
        if (text.startsWith(rest, end)) end += rest.length();
        return new RenderedChat(text.substring(0, end), fromTemplate.get(0, end));
    }
}
