package io.sluice.device;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import io.sluice.batching.PromptEmbedding;
import java.lang.foreign.MemorySegment;

/// Passes hidden states on to embeddings. Engine thread only.
final class FinalStates {
    private FinalStates() {}

    /// @param position of the row's token in its prompt
    /// @param row its hidden state after the final norm, float32
    static void tell(PromptEmbedding embedding, int position, MemorySegment row, int width) {
        if (!embedding.begin(position, width)) return;
        for (int i = 0; i < width; i++) embedding.add(i, row.getAtIndex(JAVA_FLOAT, i));
    }
}
