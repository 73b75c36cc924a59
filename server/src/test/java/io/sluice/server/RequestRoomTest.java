package io.sluice.server;

import static org.assertj.core.api.Assertions.assertThat;

import io.helidon.webserver.WebServer;
import io.helidon.webserver.http.HttpRouting;
import io.helidon.webserver.http1.Http1Config;
import io.sluice.server.http.ErrorMapping;
import io.sluice.server.http.RequestArrival;
import io.sluice.server.http.RequestBodies;
import io.sluice.server.http.RequestRoom;
import io.sluice.server.http.StallWatch;
import io.sluice.server.http.WatchedHttp1;
import java.io.IOException;
import java.time.Duration;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// What requests that are on their way may take: a listener that has room for two long bodies and not for three.
@Timeout(240)
class RequestRoomTest {
    private static final int BODY_MAX = 512 * 1024;
    private static final int LONG = BODY_MAX * 3 / 4;
    private static final int ROOM = 2 * BODY_MAX;

    private final RequestRoom room = new RequestRoom(BODY_MAX, ROOM);

    @AutoClose
    private final StallWatch stalls = new StallWatch(Duration.ofHours(1), System::nanoTime);

    @AutoClose("stop")
    private final WebServer server = WebServer.builder()
            .host("127.0.0.1")
            .port(0)
            .shutdownHook(false)
            .maxPayloadSize(BODY_MAX)
            .protocolsDiscoverServices(false)
            .addConnectionSelector(new WatchedHttp1(Http1Config.builder(), stalls, Duration.ofHours(1), room))
            .directHandlers(ErrorMapping.directHandlers(BODY_MAX))
            .addRouting(routing())
            .build()
            .start();

    private static HttpRouting.Builder routing() {
        RequestBodies bodies = new RequestBodies(BODY_MAX);
        HttpRouting.Builder routing = HttpRouting.builder();
        routing.addFilter(new RequestArrival());
        ErrorMapping.register(routing);
        return routing.post("/read", (request, response) -> response.send("" + bodies.read(request).length))
                .post("/unread", (_, response) -> response.send("no"));
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void who_comes_on_top_is_told_to_come_back_and_who_is_on_the_way_arrives(boolean chunked) throws Exception {
        try (RawClient first = client();
                RawClient second = client()) {
            sendPart(first, chunked);
            awaitOnTheWay(1);
            assertThat(isRefused()).isFalse();
            awaitOnTheWay(1);
            sendPart(second, chunked);
            awaitOnTheWay(2);
            assertThat(isRefused()).isTrue();
            for (RawClient client : new RawClient[] {first, second}) {
                client.send(chunked ? "y\r\n0\r\n\r\n" : "y");
                assertThat(client.readResponse()).startsWith("HTTP/1.1 200").endsWith("\n" + (LONG + 1));
            }
            awaitOnTheWay(0); // though their connections are kept
            assertThat(isRefused()).isFalse();
        }
    }

    @Test
    void what_is_short_always_arrives() throws Exception {
        try (RawClient first = client();
                RawClient second = client()) {
            sendPart(first, true);
            sendPart(second, true);
            awaitOnTheWay(2);
            assertThat(isRefused()).isTrue();
            try (RawClient client = client()) {
                client.post("/read", "x".repeat(8000));
                assertThat(client.readResponse()).startsWith("HTTP/1.1 200").endsWith("\n8000");
            }
        }
    }

    @Test
    void who_leaves_or_is_refused_gives_the_room_back() throws Exception {
        for (int i = 0; i < 4; i++) {
            try (RawClient first = client();
                    RawClient second = client()) {
                sendPart(first, false);
                sendPart(second, true);
                awaitOnTheWay(2);
                assertThat(isRefused()).isTrue();
            }
            awaitOnTheWay(0);
            assertThat(isRefused()).isFalse();
            awaitOnTheWay(0);
        }
    }

    @Test
    void a_length_that_is_only_declared_takes_no_room() throws Exception {
        try (RawClient first = client();
                RawClient second = client()) {
            first.sendHead("POST /read HTTP/1.1", "Host: localhost", "Content-Length: " + BODY_MAX)
                    .send("x");
            second.sendHead("POST /read HTTP/1.1", "Host: localhost", "Transfer-Encoding: chunked");
            second.send(Integer.toHexString(BODY_MAX) + "\r\nx");
            assertThat(isRefused()).isFalse();
        }
    }

    @Test
    void a_body_of_full_length_may_be_one_chunk() throws Exception {
        try (RawClient client = client()) {
            client.sendHead("POST /read HTTP/1.1", "Host: localhost", "Transfer-Encoding: chunked");
            client.send(Integer.toHexString(BODY_MAX) + "\r\n" + "x".repeat(BODY_MAX) + "\r\n0\r\n\r\n");
            assertThat(client.readResponse()).startsWith("HTTP/1.1 200").endsWith("\n" + BODY_MAX);
        }
    }

    /// Helidon reads the line before a chunk to its end, and what a request that was not let in brings as well.
    @ParameterizedTest
    @CsvSource({"/read, 1;extension=, 413", "/read, 0, 413", "/unread, 1;extension=, 200", "/unread, 0, 200"})
    void the_line_before_a_chunk_ends(String path, String beginning, int status) throws Exception {
        try (RawClient client = client()) {
            client.sendHead("POST " + path + " HTTP/1.1", "Host: localhost", "Transfer-Encoding: chunked");
            try {
                client.send(beginning);
                for (int i = 0; i < 1000; i++) client.send("0".repeat(BODY_MAX));
                throw new AssertionError("all of a line without end was taken");
            } catch (IOException e) {
                // It was hung up.
            }
        }
        try (RawClient client = client()) {
            client.sendHead("POST " + path + " HTTP/1.1", "Host: localhost", "Transfer-Encoding: chunked");
            client.send(beginning + "0".repeat(2 * BODY_MAX + 16 * 1024));
            assertThat(client.readToTheBreak()).startsWith("HTTP/1.1 " + status);
        }
    }

    private void sendPart(RawClient client, boolean chunked) throws IOException {
        String length = chunked ? "Transfer-Encoding: chunked" : "Content-Length: " + (LONG + 1);
        client.sendHead("POST /read HTTP/1.1", "Host: localhost", length);
        if (chunked) client.send(Integer.toHexString(LONG + 1) + "\r\n");
        client.send("x".repeat(LONG));
    }

    /// So many parts have come as a whole, and nothing else is on its way.
    private void awaitOnTheWay(int parts) throws InterruptedException {
        long least = parts * (LONG - 16L * 1024);
        TestServer.await(parts + " to be on their way", () -> room.taken() >= least && room.taken() < least + LONG / 2);
    }

    private boolean isRefused() {
        try (RawClient client = client()) {
            return isRefused(client);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static boolean isRefused(RawClient client) throws IOException {
        try {
            client.post("/read", "x".repeat(LONG));
        } catch (IOException e) {
            // Hung up on while it was sending: what was said before that may have got lost on the way.
            assertThat(client.readToTheBreak()).matches("(?s)|HTTP/1.1 503.*");
            return true;
        }
        String response = client.readResponse();
        boolean refused = response.startsWith("HTTP/1.1 503");
        assertThat(response).startsWith(refused ? "HTTP/1.1 503" : "HTTP/1.1 200");
        if (refused) assertThat(response).contains("too_many_bodies").containsIgnoringCase("retry-after: 1");
        return refused;
    }

    private RawClient client() throws IOException {
        return RawClient.to(server.port());
    }
}
