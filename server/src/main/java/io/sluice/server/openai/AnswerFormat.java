package io.sluice.server.openai;

import io.sluice.server.generation.Delta;
import io.sluice.server.generation.Finish;
import io.sluice.server.generation.TokenLogprob;
import io.sluice.server.generation.Usage;
import io.sluice.server.http.JsonOut;
import java.util.List;

/// How one API spells an answer. Every method writes one JSON object. One request, one thread.
interface AnswerFormat {

    /// A choice of an answer that is not streamed.
    record WholeChoice(String text, List<TokenLogprob> logprobs, Finish finish) {}

    /// True if each choice of a stream begins with a chunk of its own.
    boolean hasOpening();

    /// The chunk that begins a choice.
    void opening(JsonOut out, int choice);

    /// The chunk that carries text.
    void delta(JsonOut out, Delta delta);

    /// The chunk that ends a choice; it carries nothing else.
    void finish(JsonOut out, int choice, String reason);

    /// The chunk that carries the usage; it belongs to no choice.
    void usage(JsonOut out, Usage usage);

    /// The whole answer at once.
    void whole(JsonOut out, List<WholeChoice> choices, Usage usage);
}
