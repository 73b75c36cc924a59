package io.sluice.server;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/// Bodies that are on their way take so much memory together. The admin listener's bound is the length of one body.
@Timeout(240)
class BodiesUnderWayTest {
    private static final int MOST = (int) TestServer.BODY_BYTES_MAX;

    /// More than the rest of the room, and more than the buffers on the way hold, so that its reading goes on.
    private static final String HALF = "# " + "x".repeat(MOST / 2);

    @Test
    void there_is_room_for_one_and_the_next_is_told_to_come_back() throws Exception {
        try (TestServer server = TestServer.start();
                RawClient first = RawClient.to(server.admin.port())) {
            begin(first, 2 * HALF.length() - 8);
            first.send(HALF);
            TestServer.await("the first's half to be there and the second's too much", () -> isRefused(server));
            first.send(HALF.substring(8)); // which has its room all along
            assertThat(first.readResponse()).startsWith("HTTP/1.1 200");
            TestServer.await("its room to be free", () -> !isRefused(server));
        }
    }

    @Test
    void who_leaves_or_is_refused_gives_the_room_back() throws Exception {
        try (TestServer server = TestServer.start()) {
            for (int i = 0; i < 4; i++) {
                try (RawClient leaving = RawClient.to(server.admin.port())) {
                    begin(leaving, MOST);
                    leaving.send(HALF);
                    TestServer.await("it to have its room", () -> isRefused(server));
                }
                TestServer.await("its room to be free", () -> !isRefused(server));
            }
        }
    }

    /// What a client says that it is going to send takes nothing.
    @Test
    void a_length_that_is_declared_takes_no_room() throws Exception {
        try (TestServer server = TestServer.start();
                RawClient silent = RawClient.to(server.admin.port())) {
            begin(silent, MOST);
            silent.send("x");
            assertThat(isRefused(server)).isFalse();
        }
    }

    private static boolean isRefused(TestServer server) {
        try (RawClient client = RawClient.to(server.admin.port())) {
            begin(client, HALF.length());
            client.send(HALF);
            String response = client.readResponse();
            boolean refused = response.startsWith("HTTP/1.1 503");
            assertThat(response).startsWith(refused ? "HTTP/1.1 503" : "HTTP/1.1 200");
            if (refused) assertThat(response).contains("too_many_bodies").containsIgnoringCase("retry-after");
            return refused;
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }

    private static void begin(RawClient client, int length) throws Exception {
        client.sendHead("POST /admin/policy/reload?dry_run=true HTTP/1.1", "Host: test", "Content-Length: " + length);
    }
}
