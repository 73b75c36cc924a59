package io.sluice.server.openai;

import io.helidon.webserver.http.ServerRequest;
import io.sluice.server.access.Entry;
import io.sluice.server.generation.Generation;
import io.sluice.server.generation.GenerationService;
import io.sluice.server.generation.RequestTerms;
import io.sluice.server.generation.TextRequest;
import io.sluice.server.openai.Answers.Answer;

/// Takes a parsed request in: decides how its answer goes out, and submits it. A value; request threads.
///
/// @param promptField what the client calls the prompt
public record Acceptance(Serving serving, ServerRequest request, String promptField) {

    /// Submits the request.
    ///
    /// @throws io.sluice.server.http.ApiError if it is refused
    public Answer accept(GenerationService service, CommonFields common, TextRequest text, AnswerFormat format) {
        long choices = (long) text.prompts().size() * text.choiceCount();
        boolean resumable = ResumableHeader.isWanted(request, common.stream(), choices);
        RequestTerms terms = Entry.of(request).terms(text, common.wishes());
        if (resumable) {
            return resumable(service, terms, common, text, format);
        }
        Generation generation = Answers.start(service, text, terms, common, promptField);
        return common.stream()
                ? new Answer.Streamed(generation, new Streaming.Shape(format, false))
                : new Answer.Whole(generation, format);
    }

    /// The same for an API whose streams cannot be gone on with.
    ///
    /// @throws io.sluice.server.http.ApiError if it is refused
    public Answer acceptOnce(GenerationService service, CommonFields common, TextRequest text, AnswerFormat format) {
        ResumableHeader.refuse(request);
        return accept(service, common, text, format);
    }

    /// The place comes first: a stream that could not be kept must not have begun.
    private Answer resumable(
            GenerationService service, RequestTerms terms, CommonFields common, TextRequest text, AnswerFormat format) {
        try (ResumableStreams.Place place =
                serving.streams().reserve(serving.owners().ownerOf(request))) {
            Generation generation = Answers.start(service, text, terms, common, promptField);
            return new Answer.Resumable(place.keep(generation, new Streaming.Shape(format, true)));
        }
    }
}
