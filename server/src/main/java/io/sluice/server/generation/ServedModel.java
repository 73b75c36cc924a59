package io.sluice.server.generation;

import io.sluice.modelstore.ChatTemplate;
import io.sluice.modelstore.GenerationDefaults;
import io.sluice.modelstore.Tokenizer;
import java.util.List;
import java.util.Optional;

/// A model as requests see it. A value; any thread.
///
/// @param names what clients may call it; the first is its own
/// @param outputTokensMax the most output tokens of a request that names no limit
/// @param createdSecond when it was loaded, in seconds since 1970
public record ServedModel(
        List<String> names,
        Tokenizer tokenizer,
        Optional<ChatTemplate> chatTemplate,
        GenerationDefaults defaults,
        int outputTokensMax,
        long createdSecond) {
    public ServedModel {
        names = List.copyOf(names);
        if (names.isEmpty()) throw new IllegalArgumentException("a model needs a name");
    }

    public String name() {
        return names.getFirst();
    }
}
