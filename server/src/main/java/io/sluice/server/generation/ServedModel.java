package io.sluice.server.generation;

import io.sluice.batching.PromptWish;
import io.sluice.modelstore.ChatTemplate;
import io.sluice.modelstore.GenerationDefaults;
import io.sluice.modelstore.Tokenizer;
import io.sluice.server.output.OutputFormat;
import java.util.List;
import java.util.Optional;

/// A model as requests see it. A value; any thread.
///
/// @param names what clients may call it; the first is its own
/// @param outputTokensMax the most output tokens of a request that names no limit
/// @param createdSecond when it was loaded, in seconds since 1970
/// @param traits what its files say of it
/// @param format what its answers are made of
public record ServedModel(
        List<String> names,
        Tokenizer tokenizer,
        Optional<ChatTemplate> chatTemplate,
        GenerationDefaults defaults,
        int outputTokensMax,
        long createdSecond,
        Traits traits,
        OutputFormat format) {

    /// What a model's files say of it. A value.
    ///
    /// @param architecture as the files name it
    /// @param weights the type that most weights are stored in, such as `BF16` or `Q4_K`
    /// @param quantized they are stored in fewer than 16 bits
    /// @param contextTrained positions that it was trained for
    /// @param embeddings what it makes of texts besides continuations
    public record Traits(
            String architecture, String weights, boolean quantized, int contextTrained, Embeddings embeddings) {}

    /// The embeddings that it makes. A value.
    ///
    /// @param width numbers of each
    /// @param pooling how they are made, unless a request says otherwise
    public record Embeddings(int width, PromptWish.Pooling pooling) {}

    public ServedModel {
        names = List.copyOf(names);
        if (names.isEmpty()) throw new IllegalArgumentException("a model needs a name");
    }

    public String name() {
        return names.getFirst();
    }
}
