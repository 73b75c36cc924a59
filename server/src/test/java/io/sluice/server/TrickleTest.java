package io.sluice.server;

import static io.sluice.server.TestServer.prompting;
import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.server.TestServer.Options;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/// Requests that never quite arrive. The time that they are given is short here, and each test waits for the server to
/// act: none depends on how soon it does.
@Timeout(240)
class TrickleTest {
    @AutoClose
    private final TestServer server = TestServer.start(Options.usual().withRequestTimeout(Duration.ofSeconds(1)));

    @Test
    void headers_that_never_end_are_408() throws Exception {
        try (RawClient client = new RawClient(server)) {
            client.send("POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nX-More: ");
            assertThat(trickle(client))
                    .startsWith("HTTP/1.1 408")
                    .contains("\"code\":\"request_timeout\"")
                    .contains("--request-timeout");
        }
    }

    @Test
    void a_first_line_that_never_ends_is_408() throws Exception {
        try (RawClient client = new RawClient(server)) {
            client.send("POST /v1/compl");
            assertThat(trickle(client)).startsWith("HTTP/1.1 408");
        }
    }

    @Test
    void a_body_that_never_ends_is_408() throws Exception {
        try (RawClient client = new RawClient(server)) {
            client.sendHead("POST /v1/completions HTTP/1.1", "Host: localhost", "Content-Length: 60000");
            client.send("{\"prompt\":\"");
            assertThat(trickle(client))
                    .startsWith("HTTP/1.1 408")
                    .contains("\"code\":\"request_timeout\"")
                    .contains("Connection: close");
        }
    }

    @Test
    void a_body_in_chunks_that_never_end_is_408() throws Exception {
        try (RawClient client = new RawClient(server)) {
            client.sendHead("POST /v1/completions HTTP/1.1", "Host: localhost", "Transfer-Encoding: chunked");
            client.send("8000\r\n");
            assertThat(trickle(client)).startsWith("HTTP/1.1 408");
        }
    }

    @Test
    void who_says_nothing_at_all_is_hung_up_on() throws Exception {
        try (RawClient client = new RawClient(server)) {
            assertThat(client.readToEnd()).isEmpty();
        }
    }

    @Test
    void half_a_request_behind_a_whole_one_is_408_too() throws Exception {
        try (RawClient client = new RawClient(server)) {
            client.send("GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\nPOST /v1/completions HTTP/1.1\r\nHost: te");
            assertThat(client.readResponse()).startsWith("HTTP/1.1 200");
            assertThat(trickle(client)).startsWith("HTTP/1.1 408");
        }
    }

    @Test
    void a_kept_connection_may_rest_for_longer_than_a_request_may_take() throws Exception {
        try (RawClient client = new RawClient(server);
                RawClient clock = new RawClient(server)) {
            client.post("/v1/completions", "{" + prompting("one") + "}");
            assertThat(client.readResponse()).contains("\"text\":\"one\"");
            // The server itself says when the time is over.
            assertThat(clock.readToEnd()).isEmpty();
            client.post("/v1/completions", "{" + prompting("two") + "}");
            assertThat(client.readResponse()).contains("\"text\":\"two\"");
        }
    }

    @Test
    void an_answer_may_take_longer_than_its_request() throws Exception {
        try (RawClient client = new RawClient(server);
                RawClient clock = new RawClient(server)) {
            server.gate.close();
            client.post("/v1/completions", "{" + prompting("in the end") + "}");
            TestServer.await("it to be admitted", () -> server.service.open().count() == 1);
            assertThat(clock.readToEnd()).isEmpty();
            server.gate.open();
            assertThat(client.readResponse()).contains("\"text\":\"in the end\"");
        }
    }

    @Test
    void a_body_that_nobody_reads_is_hurried_too() throws Exception {
        try (RawClient client = new RawClient(server)) {
            client.sendHead("POST /v1/nothing HTTP/1.1", "Host: localhost", "Content-Length: 60000");
            client.send("{");
            assertThat(client.readToEnd()).startsWith("HTTP/1.1 404");
        }
    }

    @Test
    void each_request_of_a_connection_has_its_own_time_also_if_nobody_reads_its_body() throws Exception {
        try (RawClient client = new RawClient(server);
                RawClient clock = new RawClient(server)) {
            var over = CompletableFuture.supplyAsync(() -> {
                try {
                    return clock.readToEnd();
                } catch (IOException e) {
                    throw new AssertionError(e);
                }
            });
            boolean last;
            do {
                last = over.isDone();
                client.post("/v1/nothing", "{}");
                assertThat(client.readResponse()).startsWith("HTTP/1.1 404");
            } while (!last);
        }
    }

    /// A byte now and then, until there is an answer and the connection has ended.
    private static String trickle(RawClient client) throws IOException {
        Thread sending = Thread.ofVirtual().start(() -> {
            try {
                while (true) {
                    client.send("x");
                    Thread.sleep(20);
                }
            } catch (IOException | InterruptedException e) {
                // The server has hung up, or the test is over.
            }
        });
        try {
            return client.readUntil("}}");
        } finally {
            sending.interrupt();
        }
    }
}
