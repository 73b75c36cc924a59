package io.sluice.server.openai;

import io.sluice.server.generation.Prompt;
import io.sluice.server.http.ApiError;
import java.util.ArrayList;
import java.util.List;

/// Reads the texts of a request that has no conversation: a string, several strings, token ids, or several lists of
/// token ids. Any thread.
final class Prompts {
    private static final String EXPECTED = "a string, an array of strings, or an array of token ids";

    private Prompts() {}

    /// @param name the field that holds them
    static List<Prompt> parse(Fields fields, String name) {
        return switch (fields.any(name)) {
            case null -> throw ApiError.invalid(name, name + " is missing.");
            case String text -> List.of(new Prompt.Text(text));
            case List<?> list when list.isEmpty() -> throw ApiError.invalid(name, name + " is empty.");
            case List<?> list when list.getFirst() instanceof Long -> List.of(tokens(name, list));
            case List<?> list -> {
                List<Prompt> prompts = new ArrayList<>(list.size());
                for (Object one : list) prompts.add(one(name, one));
                yield prompts;
            }
            case Object other -> throw fields.wrong(name, EXPECTED, other);
        };
    }

    private static Prompt one(String name, Object prompt) {
        return switch (prompt) {
            case String text -> new Prompt.Text(text);
            case List<?> ids -> tokens(name, ids);
            default -> throw Fields.wrongAt(name, EXPECTED, prompt);
        };
    }

    private static Prompt.Tokens tokens(String name, List<?> ids) {
        return new Prompt.Tokens(
                ids.stream().mapToInt(id -> CommonFields.tokenId(name, id)).toArray());
    }
}
