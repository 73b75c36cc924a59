package io.sluice.server.openai;

import io.helidon.http.HeaderValues;
import io.helidon.webserver.CloseConnectionException;
import io.helidon.webserver.http.ServerResponse;
import io.sluice.batching.InvalidRequest;
import io.sluice.server.access.Entry;
import io.sluice.server.generation.Delta;
import io.sluice.server.generation.Finish;
import io.sluice.server.generation.Generation;
import io.sluice.server.generation.GenerationService;
import io.sluice.server.generation.PromptToken;
import io.sluice.server.generation.Reading;
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

/// Carries one answer from its generation to its client: whole, streamed, or as a stream that the client may come back
/// to. Everything that refuses comes before the first byte, as a status; what goes wrong later is an error event. A
/// client that leaves ends its generation, unless it may come back. Request threads.
public final class Answers {
    private final Duration heartbeat;

    /// @param heartbeat the longest silence of a stream
    public Answers(Duration heartbeat) {
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
        return switch (submit(service, request, terms, promptField)) {
            case Submission.Started(Generation generation) -> generation;
            case Submission.TooLong(boolean promptAlone, String detail) ->
                throw ApiError.neverFits(
                        promptAlone ? promptField : common.maxTokensField(), "context_length_exceeded", detail);
            case Submission.OverQuota(QuotaRefusal refusal) -> throw Entry.overQuota(refusal);
            case Submission.Refused refusal -> throw Refusals.error(refusal, terms.caller());
        };
    }

    /// What is a prompt to the engine may have another name in the API.
    private static Submission submit(
            GenerationService service, TextRequest request, RequestTerms terms, String promptField) {
        try {
            return service.submit(request, terms);
        } catch (InvalidRequest e) {
            throw e.parameter().equals("prompt") ? new InvalidRequest(promptField, e.problem()) : e;
        }
    }

    /// An admitted request, with how its answer goes out. A value: what the request itself said is forgotten by now,
    /// because an answer may take long.
    public sealed interface Answer {
        /// In one piece, when it is complete.
        record Whole(Generation generation, AnswerFormat format) implements Answer {}

        /// As events.
        record Streamed(Generation generation, Streaming.Shape shape) implements Answer {}

        /// As events that the client can come back to.
        record Resumable(ResumableStream stream) implements Answer {}
    }

    public void send(Answer answer, ServerResponse response) throws IOException {
        try {
            switch (answer) {
                case Answer.Whole(Generation generation, AnswerFormat format) -> whole(generation, format, response);
                case Answer.Streamed(Generation generation, Streaming.Shape shape) ->
                    stream(generation, shape, response);
                case Answer.Resumable(ResumableStream stream) -> begin(stream, response);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CloseConnectionException("the server is stopping", e);
        }
    }

    private void stream(Generation generation, Streaming.Shape shape, ServerResponse response)
            throws IOException, InterruptedException {
        try (var _ = ClientConnection.watch(generation::cancel)) {
            Reading reading = read(generation);
            List<Delta> news = firstNews(reading);
            try (SseStream events = SseStream.open(response)) {
                StreamPosition position = StreamPosition.start(generation.choiceCount());
                new Streaming(reading, shape, events, position, heartbeat).run(news);
            }
        } finally {
            generation.close(unfinished());
        }
    }

    /// The first connection of a stream that may have others.
    private void begin(ResumableStream stream, ServerResponse response) throws IOException, InterruptedException {
        boolean open = false;
        try {
            ResumableStream.Reader me = stream.takeOver(
                            stream.readingFrom(StreamPosition.start(stream.choiceCount()))
                                    .orElseThrow(),
                            ClientConnection.currentBreakOff())
                    .orElseThrow();
            try (var _ = ClientConnection.watch(me.reading()::dismiss)) {
                List<Delta> news = firstNews(me.reading());
                if (me.reading().isDismissed()) throw new CloseConnectionException("the client has gone");
                open = true;
                go(stream, me, StreamPosition.start(stream.choiceCount()), news, response);
            }
        } finally {
            // Before its headers were written no client knows the stream's name.
            if (!open) stream.discard();
        }
    }

    /// A further connection of such a stream.
    void resume(ResumableStream stream, Reading reading, StreamPosition position, ServerResponse response)
            throws IOException, InterruptedException {
        ResumableStream.Reader me =
                stream.takeOver(reading, ClientConnection.currentBreakOff()).orElseThrow(stream::notHere);
        try (var _ = ClientConnection.watch(reading::dismiss)) {
            go(stream, me, position, List.of(), response);
        }
    }

    private void go(
            ResumableStream stream,
            ResumableStream.Reader me,
            StreamPosition position,
            List<Delta> news,
            ServerResponse response)
            throws IOException, InterruptedException {
        boolean told = false;
        try {
            response.header(ResumableHeader.STREAM, stream.id());
            try (SseStream events = SseStream.open(response)) {
                Streaming streaming = new Streaming(me.reading(), stream.shape(), events, position, heartbeat);
                told = streaming.run(news.isEmpty() ? streaming.unsentFinishes() : news);
                if (told) return;
                if (!me.isReplaced()) throw new CloseConnectionException("the client has gone");
                streaming.giveWay(Endings.takenOver());
            }
        } finally {
            stream.leave(me, told);
        }
    }

    private void whole(Generation generation, AnswerFormat format, ServerResponse response)
            throws InterruptedException {
        try (generation;
                var _ = ClientConnection.watch(generation::cancel)) {
            JsonOut out = new JsonOut();
            collect(generation, format, out);
            response.header(HeaderValues.CONTENT_TYPE_JSON);
            response.send(out.toBytes());
        }
    }

    /// Reads all of an answer and writes it in one piece.
    ///
    /// @throws ApiError if it ends before it is whole
    void collect(Generation generation, AnswerFormat format, JsonOut out) throws InterruptedException {
        Reading reading = read(generation);
        List<Message> messages = new ArrayList<>();
        List<List<TokenLogprob>> logprobs = new ArrayList<>();
        List<List<PromptToken>> prompts = new ArrayList<>();
        Finish[] finishes = new Finish[generation.choiceCount()];
        for (int i = 0; i < finishes.length; i++) {
            messages.add(new Message());
            logprobs.add(new ArrayList<>());
            prompts.add(new ArrayList<>());
        }
        while (!reading.isFinished()) {
            for (Delta delta : firstNews(reading)) {
                messages.get(delta.choice()).add(delta.pieces());
                logprobs.get(delta.choice()).addAll(delta.logprobs());
                prompts.get(delta.choice()).addAll(delta.prompt());
                if (delta.finish() != null) finishes[delta.choice()] = delta.finish();
            }
        }
        List<AnswerFormat.WholeChoice> choices = new ArrayList<>();
        for (int i = 0; i < finishes.length; i++) {
            choices.add(new AnswerFormat.WholeChoice(
                    messages.get(i), logprobs.get(i), finishes[i], prompts.get(i), reading.embedding(i)));
        }
        format.whole(out, choices, reading.usage());
    }

    private static Reading read(Generation generation) {
        Reading reading = generation.reading();
        generation.readBy(reading);
        return reading;
    }

    /// News while the status is still open: a failure among them is still a proper refusal.
    private List<Delta> firstNews(Reading reading) throws InterruptedException {
        List<Delta> news = reading.next(heartbeat);
        ApiError failure = Endings.failureIn(news);
        if (failure != null) throw failure;
        return news;
    }

    /// How the choices end that have not.
    private static Finish unfinished() {
        return ClientConnection.isCurrentStalled()
                ? new Finish.Stalled("the client took nothing of its answer")
                : new Finish.Cancelled();
    }
}
