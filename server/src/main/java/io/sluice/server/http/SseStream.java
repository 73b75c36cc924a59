package io.sluice.server.http;

import io.helidon.http.Header;
import io.helidon.http.HeaderNames;
import io.helidon.http.HeaderValues;
import io.helidon.webserver.http.ServerResponse;
import java.io.IOException;
import java.io.OutputStream;

/// Server-sent events, written by hand: `data: ` with its space, one line of JSON, an empty line. Every `flush` sends
/// what was written as one piece. Closing completes the response. Request thread only.
public final class SseStream implements AutoCloseable {
    private static final Header EVENT_STREAM =
            HeaderValues.createCached(HeaderNames.CONTENT_TYPE, "text/event-stream; charset=utf-8");
    private static final Header NO_CACHE = HeaderValues.createCached(HeaderNames.CACHE_CONTROL, "no-cache");
    private static final Header NO_PROXY_BUFFER =
            HeaderValues.createCached(HeaderNames.create("X-Accel-Buffering"), "no");

    private static final byte[] ID = JsonOut.bytes("id: ");
    private static final byte[] LINE_END = JsonOut.bytes("\n");
    private static final byte[] DATA = JsonOut.bytes("data: ");
    private static final byte[] END = JsonOut.bytes("\n\n");
    private static final byte[] DONE = JsonOut.bytes("data: [DONE]\n\n");
    private static final byte[] HEARTBEAT = JsonOut.bytes(": still working\n\n");
    private static final byte[] EVENT = JsonOut.bytes("event: ");

    private final OutputStream out;

    private SseStream(OutputStream out) {
        this.out = out;
    }

    /// Begins the response. From here on its status cannot change.
    public static SseStream open(ServerResponse response) {
        response.header(EVENT_STREAM);
        response.header(NO_CACHE);
        response.header(NO_PROXY_BUFFER);
        return new SseStream(response.outputStream());
    }

    /// Events for whoever has begun an answer by other means.
    public static SseStream onto(OutputStream begun) {
        return new SseStream(begun);
    }

    /// What the event that follows is called by a client that comes back; before each event, or before none.
    public void id(CharSequence id) throws IOException {
        out.write(ID);
        out.write(JsonOut.bytes(id.toString()));
        out.write(LINE_END);
    }

    /// One event.
    public void data(JsonOut json) throws IOException {
        out.write(DATA);
        out.write(json.buffer(), 0, json.length());
        out.write(END);
    }

    /// One event that has a name.
    public void data(String name, JsonOut json) throws IOException {
        out.write(EVENT);
        out.write(JsonOut.bytes(name));
        out.write(LINE_END);
        data(json);
    }

    /// A comment, which clients skip: keeps proxies from giving up and finds out whether the client is still there.
    public void heartbeat() throws IOException {
        out.write(HEARTBEAT);
    }

    /// The end of a stream that went well.
    public void done() throws IOException {
        out.write(DONE);
        out.flush();
    }

    public void flush() throws IOException {
        out.flush();
    }

    @Override
    public void close() throws IOException {
        out.close();
    }
}
