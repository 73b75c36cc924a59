package io.sluice.benchmarks.load;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class HttpConnectionTest {

    /// One answer, and what was read of it.
    private record Read(ResponseHead head, String body, boolean isReusable) {}

    @Test
    void aBodyInChunksIsReadWhereverItIsCut() throws IOException {
        var body = new StringBuilder();
        var framed = new StringBuilder("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        for (int i = 1; i < 60; i++) {
            String chunk = "chunk-" + i + "\r\n".repeat(i % 3) + "x".repeat(i * 7 % 100);
            body.append(chunk);
            String extension = i % 5 == 0 ? ";name=value" : "";
            framed.append(Integer.toHexString(chunk.length()) + extension + "\r\n" + chunk + "\r\n");
        }
        framed.append("0\r\nX-Trailer: 1\r\n\r\n");
        for (long seed = 1; seed <= 30; seed++) {
            Read read = read(framed.toString(), new SplittableRandom(seed));
            assertThat(read.body()).as("seed %d", seed).isEqualTo(body.toString());
            assertThat(read.isReusable()).isTrue();
        }
    }

    @Test
    void aBodyOfKnownLengthEndsThere() throws IOException {
        Read read = read("HTTP/1.1 429 Too Many\r\nContent-Length: 5\r\nRetry-After: 3\r\n\r\nhello", null);
        assertThat(read.body()).isEqualTo("hello");
        assertThat(read.isReusable()).isTrue();
        assertThat(read.head().status()).isEqualTo(429);
    }

    @Test
    void aBodyWithoutLengthEndsWithItsConnection() throws IOException {
        Read read = read("HTTP/1.0 200 OK\r\nConnection: close\r\n\r\nhello", null);
        assertThat(read.body()).isEqualTo("hello");
        assertThat(read.isReusable()).isFalse();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello world\r\n0\r\n\r\n",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nlots\r\n",
                "SSH-2.0-OpenSSH\r\n\r\n",
                "HTTP/1.1 200 OK\r\nContent-Le",
                "",
            })
    void aBrokenAnswerIsAnError(String answer) {
        assertThatThrownBy(() -> read(answer, null)).isInstanceOf(IOException.class);
    }

    @Test
    void retryAfterIsReadInAllItsForms() throws IOException {
        Instant now = Instant.parse("2026-01-01T00:00:00Z");
        assertThat(head("Retry-After: 7").retryAfter(now)).contains(Duration.ofSeconds(7));
        assertThat(head("retry-after: 7\r\nRetry-After-Ms: 1250").retryAfter(now))
                .contains(Duration.ofMillis(1250));
        assertThat(head("Retry-After: Thu, 01 Jan 2026 00:00:09 GMT").retryAfter(now))
                .contains(Duration.ofSeconds(9));
        assertThat(head("Retry-After: Wed, 01 Jan 2025 00:00:00 GMT").retryAfter(now))
                .contains(Duration.ZERO);
        assertThat(head("Retry-After: soon").retryAfter(now)).isEmpty();
        assertThat(head("Server: x").retryAfter(now)).isEmpty();
    }

    private static ResponseHead head(String headers) throws IOException {
        return ResponseHead.parse("HTTP/1.1 503 Busy\r\n" + headers + "\r\n\r\n");
    }

    /// Reads one answer that a server sends in pieces and then hangs up.
    private static Read read(String answer, @Nullable SplittableRandom pieces) throws IOException {
        try (var listener = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            Thread.ofVirtual().start(() -> send(listener, answer, pieces));
            var target = Target.of("127.0.0.1:" + listener.getLocalPort());
            try (var connection = HttpConnection.open(target, Duration.ofMinutes(1))) {
                ResponseHead head = connection.readHead();
                var reader = new BodyReader(connection, head);
                var body = new ByteArrayOutputStream();
                while (reader.read((bytes, from, to) -> body.write(bytes, from, to - from))) {}
                return new Read(head, body.toString(StandardCharsets.UTF_8), reader.isConnectionReusable());
            }
        }
    }

    private static void send(ServerSocket listener, String answer, @Nullable SplittableRandom pieces) {
        try (Socket socket = listener.accept()) {
            socket.setTcpNoDelay(true);
            OutputStream out = socket.getOutputStream();
            byte[] bytes = answer.getBytes(StandardCharsets.UTF_8);
            for (int from = 0; from < bytes.length; ) {
                int length = pieces == null ? bytes.length : Math.min(bytes.length - from, 1 + pieces.nextInt(40));
                out.write(bytes, from, length);
                out.flush();
                from += length;
            }
        } catch (IOException e) {
            // The reader had enough.
        }
    }
}
