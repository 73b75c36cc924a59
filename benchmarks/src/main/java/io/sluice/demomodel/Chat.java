package io.sluice.demomodel;

import java.util.List;
import java.util.Optional;

/// One training example: a conversation, or a plain text when it has no turns. A value.
///
/// @param system what the operator told the assistant first
/// @param plain a text without roles, for completions
record Chat(Optional<String> system, List<Turn> turns, Optional<String> plain) {

    /// A question and its answer.
    record Turn(String user, String assistant) {}

    Chat {
        turns = List.copyOf(turns);
    }

    static Chat of(List<Turn> turns) {
        return new Chat(Optional.empty(), turns, Optional.empty());
    }

    static Chat of(String user, String assistant) {
        return of(List.of(new Turn(user, assistant)));
    }

    static Chat plain(String text) {
        return new Chat(Optional.empty(), List.of(), Optional.of(text));
    }
}
