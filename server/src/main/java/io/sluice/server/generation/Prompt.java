package io.sluice.server.generation;

import java.util.List;
import java.util.Map;

/// What a request wants continued. A value.
public sealed interface Prompt {

    /// A conversation, for the model's chat template.
    ///
    /// @param messages JSON-like values, as `ChatTemplate` takes them
    /// @param variables further names that the template may read
    /// @param continuesLast the answer goes on with the last message, whose turn is left open
    record Chat(List<Map<String, Object>> messages, Map<String, Object> variables, boolean continuesLast)
            implements Prompt {}

    /// Plain text, continued as it stands.
    record Text(String text) implements Prompt {}

    /// Token ids, continued as they stand.
    record Tokens(int[] ids) implements Prompt {}
}
