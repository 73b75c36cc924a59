package io.sluice.server.openai;

import io.sluice.batching.PromptEmbedding;
import io.sluice.server.generation.Delta;
import io.sluice.server.generation.Finish;
import io.sluice.server.generation.PromptToken;
import io.sluice.server.generation.TokenLogprob;
import io.sluice.server.generation.Usage;
import io.sluice.server.http.ApiError;
import io.sluice.server.http.JsonOut;
import java.io.IOException;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// How one API spells an answer. Every event holds one JSON object. One request, one thread at a time.
public interface AnswerFormat {

    /// A choice of an answer that is not streamed.
    ///
    /// @param prompt the tokens of its prompt, if they were asked for; else empty
    /// @param embedding of its prompt; null unless that was asked for
    record WholeChoice(
            Message message,
            List<TokenLogprob> logprobs,
            Finish finish,
            List<PromptToken> prompt,
            @Nullable PromptEmbedding embedding) {
        public String text() {
            return message.text();
        }
    }

    /// True if each choice of a stream begins with an event of its own.
    boolean hasOpening();

    /// The event that begins a choice.
    ///
    /// @param promptTokens of the whole request
    void opening(EventSink out, int choice, int promptTokens) throws IOException;

    /// What is new of a choice; its end is told by `finish`.
    void delta(EventSink out, Delta delta) throws IOException;

    /// The event that ends a choice; it carries nothing else.
    void finish(EventSink out, int choice, Finish finish) throws IOException;

    /// What ends the stream once all choices have; it belongs to none of them.
    void complete(EventSink out, Usage usage) throws IOException;

    /// True if a stream that went well ends with `[DONE]`.
    default boolean endsWithDone() {
        return true;
    }

    /// The end of a stream that did not go well.
    default void failure(EventSink out, ApiError error) throws IOException {
        out.json().raw(error.eventBody());
        out.send("error");
    }

    /// The whole answer at once.
    void whole(JsonOut out, List<WholeChoice> choices, Usage usage);
}
