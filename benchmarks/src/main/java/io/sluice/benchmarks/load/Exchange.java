package io.sluice.benchmarks.load;

import io.sluice.benchmarks.traffic.GapLog;
import java.io.IOException;
import java.net.ConnectException;
import java.net.SocketTimeoutException;
import java.net.UnknownHostException;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.atomic.LongAdder;

/// Sends one request once and reads its answer, noting when each token came. Made for one attempt; one
/// thread.
final class Exchange implements BodyReader.Sink {
    private final ConnectionPool pool;
    private final RequestWriter writer;
    private final GapLog gaps;
    private final LongAdder tokensSeen; // for somebody who watches
    private final SseScanner scanner = new SseScanner();
    private int seen;
    private long firstNs;
    private long lastNs;

    Exchange(ConnectionPool pool, RequestWriter writer, GapLog gaps, LongAdder tokensSeen) {
        this.pool = pool;
        this.writer = writer;
        this.gaps = gaps;
        this.tokensSeen = tokensSeen;
    }

    /// @param retries how often the request was sent before
    Attempt run(Ask ask, byte[] body, int retries) {
        try {
            return send(ask, body, retries);
        } catch (ConnectException e) {
            return failed("no connection");
        } catch (UnknownHostException e) {
            return failed("unknown host");
        } catch (SocketTimeoutException e) {
            return failed("silence");
        } catch (IOException e) {
            return failed("connection broken");
        }
    }

    private Attempt send(Ask ask, byte[] body, int retries) throws IOException {
        byte[] head = writer.head(ask.key(), body.length, retries);
        HttpConnection connection = pool.take();
        boolean done = false;
        try {
            ResponseHead answer;
            try {
                connection.send(head, body);
                answer = connection.readHead();
            } catch (IOException e) {
                // The server may give up an idle connection at any moment: that is no answer to this request.
                if (!connection.isUsed() || e instanceof SocketTimeoutException) throw e;
                connection.close();
                connection = pool.open();
                connection.send(head, body);
                answer = connection.readHead();
            }
            var reader = new BodyReader(connection, answer);
            Attempt attempt = answer.status() == 200 ? stream(answer, reader) : refusal(answer, reader);
            done = reader.isConnectionReusable() && !answer.closes();
            return attempt;
        } finally {
            if (done) pool.giveBack(connection);
            else connection.close();
        }
    }

    private Attempt stream(ResponseHead head, BodyReader reader) throws IOException {
        if (!head.isEventStream()) return failed("no event stream");
        while (!scanner.isDone() && reader.read(this)) {}
        while (scanner.isDone() && reader.read((_, _, _) -> {})) {} // to the end, for the next request
        if (scanner.error().length > 0) return failed("error event: " + ErrorBody.code(scanner.error()));
        if (!scanner.isDone() && !scanner.isFinished()) return failed("stream ended in the middle");
        if (scanner.texts() == 0) return failed("no text");
        Usage usage = Usage.of(scanner.usage());
        return new Attempt.Answered(
                firstNs,
                lastNs,
                scanner.texts(),
                usage.outputTokens() > 0 ? usage.outputTokens() : scanner.texts(),
                usage.promptTokens(),
                scanner.comments());
    }

    private static Attempt refusal(ResponseHead head, BodyReader reader) throws IOException {
        var body = new ErrorBody();
        while (reader.read(body)) {}
        Optional<Duration> retryAfter = head.retryAfter(Instant.now());
        return new Attempt.Refused(head.status(), body.code(), retryAfter);
    }

    private Attempt failed(String why) {
        return new Attempt.Failed(why, scanner.texts());
    }

    @Override
    public void accept(byte[] bytes, int from, int to) throws IOException {
        scanner.accept(bytes, from, to);
    }

    @Override
    public void readDone() {
        int now = scanner.texts();
        if (now == seen) return;
        long nowNs = System.nanoTime();
        tokensSeen.add(now - seen);
        if (seen == 0) {
            firstNs = nowNs;
            lastNs = nowNs;
            seen = 1;
        }
        while (seen < now) { // those that came together have no time between them
            gaps.add(nowNs - lastNs);
            lastNs = nowNs;
            seen++;
        }
    }
}
