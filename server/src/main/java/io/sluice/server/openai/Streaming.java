package io.sluice.server.openai;

import io.sluice.server.generation.Delta;
import io.sluice.server.generation.Finish;
import io.sluice.server.generation.Reading;
import io.sluice.server.generation.Usage;
import io.sluice.server.http.ApiError;
import io.sluice.server.http.JsonOut;
import io.sluice.server.http.SseStream;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/// Writes one answer as events, from where its client is to its end, in whichever way it ends. Request thread only.
public final class Streaming implements EventSink {

    /// How an answer is written. A value; its format belongs to whoever streams.
    ///
    /// @param ids every event says where it brings its client
    public record Shape(AnswerFormat format, boolean ids) {}

    private final Reading reading;
    private final Shape shape;
    private final SseStream events;
    private final StreamPosition position;
    private final Duration heartbeat;
    private final JsonOut json = new JsonOut();
    private long latestWriteNs = System.nanoTime();

    /// @param position where the client is; the reading is there too
    Streaming(Reading reading, Shape shape, SseStream events, StreamPosition position, Duration heartbeat) {
        this.reading = reading;
        this.shape = shape;
        this.events = events;
        this.position = position;
        this.heartbeat = heartbeat;
    }

    /// Streams until the answer has ended or the reading is dismissed.
    ///
    /// @param firstNews what was read already
    /// @return true if the answer has ended, and the client was told
    boolean run(List<Delta> firstNews) throws IOException, InterruptedException {
        // Whoever waits sees at once that the stream is open.
        if (firstNews.isEmpty()) beat();
        openings();
        List<Delta> news = firstNews;
        while (true) {
            for (Delta delta : news) write(delta);
            ApiError failure = Endings.failureIn(news);
            if (failure != null) {
                fail(failure);
                return true;
            }
            if (reading.isFinished()) break;
            if (reading.isDismissed()) return false;
            if (silence().compareTo(heartbeat) >= 0) beat();
            events.flush();
            news = reading.next(heartbeat.minus(silence()));
        }
        complete();
        return true;
    }

    /// Ends this connection's part of a stream that goes on with another reader.
    void giveWay(ApiError reason) throws IOException {
        shape.format().failure(this, reason);
        events.flush();
    }

    private void fail(ApiError failure) throws IOException {
        position.end();
        shape.format().failure(this, failure);
        events.flush();
    }

    /// What a client that comes back is still to be told of choices whose text it has.
    List<Delta> unsentFinishes() {
        List<Delta> unsent = new ArrayList<>();
        for (int choice = 0; choice < position.choiceCount(); choice++) {
            if (!position.isComplete(choice) || position.isFinished(choice)) continue;
            unsent.add(new Delta(
                    choice, reading.tokensRead(choice), List.of(), List.of(), reading.finish(choice), List.of()));
        }
        return unsent;
    }

    private void complete() throws IOException, InterruptedException {
        if (!position.isUsageSent()) {
            Usage usage = reading.usage();
            position.sendUsage();
            shape.format().complete(this, usage);
        }
        position.end();
        if (shape.format().endsWithDone()) {
            writeId();
            events.done();
        } else {
            events.flush();
        }
    }

    /// All choices begin before any ends: clients count the choices they have seen.
    private void openings() throws IOException {
        if (!shape.format().hasOpening()) return;
        while (position.begun() < position.choiceCount()) {
            int choice = position.begun();
            position.begin();
            shape.format().opening(this, choice, reading.promptTokens());
        }
    }

    private void write(Delta delta) throws IOException {
        Finish finish = delta.finish();
        boolean complete = finish != null && finish.isAnswer();
        if (delta.hasNews()) {
            position.addText(delta.choice(), delta.tokensRead(), complete);
            shape.format().delta(this, delta);
        }
        if (finish != null && complete) {
            position.finish(delta.choice(), delta.tokensRead());
            shape.format().finish(this, delta.choice(), finish);
        }
    }

    @Override
    public JsonOut json() {
        return json.clear();
    }

    @Override
    public void send() throws IOException {
        writeId();
        events.data(json);
        latestWriteNs = System.nanoTime();
    }

    @Override
    public void send(String name) throws IOException {
        writeId();
        events.data(name, json);
        latestWriteNs = System.nanoTime();
    }

    private void writeId() throws IOException {
        if (shape.ids()) events.id(position.toString());
    }

    private void beat() throws IOException {
        events.heartbeat();
        latestWriteNs = System.nanoTime();
    }

    private Duration silence() {
        return Duration.ofNanos(System.nanoTime() - latestWriteNs);
    }
}
