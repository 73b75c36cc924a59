package io.sluice.server.openai;

import io.helidon.http.HeaderValues;
import io.helidon.webserver.CloseConnectionException;
import io.helidon.webserver.http.ServerResponse;
import io.sluice.server.access.Entry;
import io.sluice.server.generation.Delta;
import io.sluice.server.generation.Finish;
import io.sluice.server.generation.Generation;
import io.sluice.server.generation.GenerationService;
import io.sluice.server.generation.RequestTerms;
import io.sluice.server.generation.Submission;
import io.sluice.server.generation.TextRequest;
import io.sluice.server.generation.TokenLogprob;
import io.sluice.server.http.ApiError;
import io.sluice.server.http.ClientConnection;
import io.sluice.server.http.JsonOut;
import io.sluice.server.http.SseStream;
import io.sluice.server.quota.QuotaRefusal;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Carries one answer from its generation to its client, streamed or whole. Everything that refuses comes before the
/// first byte, as a status; what goes wrong later is an error event. A client that leaves ends its generation.
/// Request threads.
final class Answers {

    /// How long a client should wait after the engine failed it.
    private static final Duration AFTER_FAILURE = Duration.ofSeconds(1);

    private final Duration heartbeat;

    /// @param heartbeat the longest silence of a stream
    Answers(Duration heartbeat) {
        this.heartbeat = heartbeat;
    }

    /// Submits the request.
    ///
    /// @param promptField what the client calls the prompt
    /// @throws ApiError if it is refused
    static Generation start(
            GenerationService service,
            TextRequest request,
            RequestTerms terms,
            CommonFields common,
            String promptField) {
        return switch (service.submit(request, terms)) {
            case Submission.Started(Generation generation) -> generation;
            case Submission.TooLong(boolean promptAlone, String detail) ->
                throw ApiError.neverFits(
                        promptAlone ? promptField : common.maxTokensField(), "context_length_exceeded", detail);
            case Submission.OverQuota(QuotaRefusal refusal) -> throw Entry.overQuota(refusal);
            case Submission.Refused refusal -> throw Refusals.error(refusal, terms.caller());
        };
    }

    /// Sends the answer as events.
    void stream(Generation generation, AnswerFormat format, boolean includeUsage, ServerResponse response)
            throws IOException {
        try (generation;
                var _ = ClientConnection.watch(generation::cancel)) {
            List<Delta> news = generation.next(heartbeat);
            // Until here the status is open: a failure that comes first is still a proper refusal.
            ApiError early = failureIn(news);
            if (early != null) throw early;
            try (SseStream events = SseStream.open(response)) {
                new Streaming(generation, format, events).run(news, includeUsage, heartbeat);
            }
        } catch (InterruptedException e) {
            throw stopped(e);
        }
    }

    /// Sends the answer in one piece, when it is complete.
    void whole(Generation generation, AnswerFormat format, ServerResponse response) {
        try (generation;
                var _ = ClientConnection.watch(generation::cancel)) {
            List<StringBuilder> texts = new ArrayList<>();
            List<List<TokenLogprob>> logprobs = new ArrayList<>();
            Finish[] finishes = new Finish[generation.choiceCount()];
            for (int i = 0; i < finishes.length; i++) {
                texts.add(new StringBuilder());
                logprobs.add(new ArrayList<>());
            }
            while (!generation.isFinished()) {
                List<Delta> news = generation.next(heartbeat);
                ApiError failure = failureIn(news);
                if (failure != null) throw failure;
                for (Delta delta : news) {
                    texts.get(delta.choice()).append(delta.text());
                    logprobs.get(delta.choice()).addAll(delta.logprobs());
                    if (delta.finish() != null) finishes[delta.choice()] = delta.finish();
                }
            }
            List<AnswerFormat.WholeChoice> choices = new ArrayList<>();
            for (int i = 0; i < finishes.length; i++) {
                choices.add(new AnswerFormat.WholeChoice(texts.get(i).toString(), logprobs.get(i), finishes[i]));
            }
            JsonOut out = new JsonOut();
            format.whole(out, choices, generation.usage());
            response.header(HeaderValues.CONTENT_TYPE_JSON);
            response.send(out.toBytes());
        } catch (InterruptedException e) {
            throw stopped(e);
        }
    }

    /// The streaming of one answer.
    private record Streaming(Generation generation, AnswerFormat format, SseStream events, JsonOut json) {
        Streaming(Generation generation, AnswerFormat format, SseStream events) {
            this(generation, format, events, new JsonOut());
        }

        void run(List<Delta> firstNews, boolean includeUsage, Duration heartbeat)
                throws IOException, InterruptedException {
            openings();
            List<Delta> news = firstNews;
            while (true) {
                ApiError failure = failureIn(news);
                for (Delta delta : news) write(delta);
                if (failure != null) {
                    events.error(failure);
                    return;
                }
                if (generation.isFinished()) break;
                if (news.isEmpty()) events.heartbeat();
                events.flush();
                news = generation.next(heartbeat);
            }
            if (includeUsage) {
                format.usage(json.clear(), generation.usage());
                events.data(json);
            }
            events.done();
        }

        /// All choices begin before any ends: clients count the choices they have seen.
        private void openings() throws IOException {
            if (!format.hasOpening()) return;
            for (int choice = 0; choice < generation.choiceCount(); choice++) {
                format.opening(json.clear(), choice);
                events.data(json);
            }
        }

        private void write(Delta delta) throws IOException {
            if (!delta.text().isEmpty() || !delta.logprobs().isEmpty()) {
                format.delta(json.clear(), delta);
                events.data(json);
            }
            if (delta.finish() instanceof Finish.Stop || delta.finish() instanceof Finish.Length) {
                format.finish(json.clear(), delta.choice(), FormatParts.finishReason(delta.finish()));
                events.data(json);
            }
        }
    }

    /// What to tell the client if a choice ended without an answer; null if none did.
    private static @Nullable ApiError failureIn(List<Delta> news) {
        for (Delta delta : news) {
            switch (delta.finish()) {
                case null -> {}
                case Finish.Stop(), Finish.Length() -> {}
                case Finish.Expired(String detail) -> {
                    return ApiError.deadline(detail);
                }
                case Finish.Stalled(String detail) -> {
                    return ApiError.unavailable("client_stalled", detail, AFTER_FAILURE);
                }
                case Finish.Revoked() -> {
                    return ApiError.unauthorized("key_revoked", "The API key of this request was revoked.");
                }
                case Finish.Failed(String detail) -> {
                    return ApiError.unavailable("generation_failed", detail, AFTER_FAILURE);
                }
                // Nobody but the client's leaving cancels here.
                case Finish.Cancelled() -> throw new CloseConnectionException("the client has gone");
            }
        }
        return null;
    }

    private static CloseConnectionException stopped(InterruptedException e) {
        Thread.currentThread().interrupt();
        return new CloseConnectionException("the server is stopping", e);
    }
}
