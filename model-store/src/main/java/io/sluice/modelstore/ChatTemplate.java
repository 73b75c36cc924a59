package io.sluice.modelstore;

import java.util.List;
import java.util.Map;

/// A model's chat template (the Jinja subset that such templates use). Immutable; any thread.
public interface ChatTemplate {

    /// Renders a conversation, ready for the assistant's turn.
    ///
    /// @param messages as the request had them: `role`, `content`, whatever else the template
    ///     reads; JSON-like values
    /// @param variables further top-level names, such as `tools` or `enable_thinking`
    /// @throws ChatTemplateException if the template refuses the conversation or needs something it was not given
    RenderedChat render(List<Map<String, Object>> messages, Map<String, Object> variables);

    /// The template as its author wrote it, by which formats that it speaks of are recognised; empty if it has no text.
    default String source() {
        return "";
    }

    /// The template refused, in words for the caller.
    final class ChatTemplateException extends RuntimeException {
        public ChatTemplateException(String message) {
            super(message);
        }
    }
}
