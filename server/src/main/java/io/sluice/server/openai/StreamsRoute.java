package io.sluice.server.openai;

import io.helidon.http.HeaderName;
import io.helidon.http.HeaderNames;
import io.helidon.http.Status;
import io.helidon.webserver.CloseConnectionException;
import io.helidon.webserver.http.Handler;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import io.sluice.server.generation.Reading;
import io.sluice.server.http.ApiError;
import java.io.IOException;

/// `GET /v1/streams/{id}` goes on with a stream where its client was; `DELETE` ends one. Request threads.
public final class StreamsRoute implements Handler {
    private static final HeaderName LAST_EVENT_ID = HeaderNames.create("Last-Event-ID");

    private final ResumableStreams streams;
    private final StreamOwners owners;
    private final Answers answers;

    public StreamsRoute(Serving serving) {
        this.streams = serving.streams();
        this.owners = serving.owners();
        this.answers = new Answers(serving.heartbeat());
    }

    @Override
    public void handle(ServerRequest request, ServerResponse response) throws IOException {
        ResumableStream stream = find(request);
        StreamPosition position = position(request, stream);
        if (position.isOver()) {
            response.status(Status.NO_CONTENT_204); // by which browsers know that they need not come again
            response.send();
            return;
        }
        Reading reading = stream.readingFrom(position).orElseThrow(StreamsRoute::noSuchEvent);
        try {
            answers.resume(stream, reading, position, response);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CloseConnectionException("the server is stopping", e);
        }
    }

    /// Ends the stream, for a client that does not want the rest.
    public void delete(ServerRequest request, ServerResponse response) {
        find(request).delete();
        response.status(Status.NO_CONTENT_204);
        response.send();
    }

    private ResumableStream find(ServerRequest request) {
        String id = request.path().pathParameters().get("id");
        return streams.find(id, owners.ownerOf(request)).orElseThrow(streams::notHere);
    }

    private static StreamPosition position(ServerRequest request, ResumableStream stream) {
        return request.headers()
                .first(LAST_EVENT_ID)
                .filter(id -> !id.isEmpty())
                .map(id -> StreamPosition.parse(id, stream.choiceCount()).orElseThrow(StreamsRoute::noSuchEvent))
                .orElseGet(() -> StreamPosition.start(stream.choiceCount()));
    }

    private static ApiError noSuchEvent() {
        return ApiError.invalid(
                "Last-Event-ID", "Last-Event-ID must be the id of an event of this stream, as it was sent.");
    }
}
