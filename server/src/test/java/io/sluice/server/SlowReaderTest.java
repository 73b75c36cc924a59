package io.sluice.server;

import static io.sluice.server.ResumeTest.RESUMABLE;
import static io.sluice.server.ResumeTest.resume;
import static io.sluice.server.ResumeTest.streamOf;
import static io.sluice.server.TestServer.asking;
import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.server.TestServer.Options;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/// Clients that take their answers slowly or not at all.
@Timeout(600)
class SlowReaderTest {
    private static final String TEXT = "/v1/completions";

    /// Long enough to fill what the system buffers on both sides.
    private static final String LONG = "{\"prompt\":\"abc\",\"max_tokens\":8000,\"logprobs\":20,\"stream\":true}";

    @Test
    void who_takes_nothing_is_cut_off_and_the_reason_is_counted() throws Exception {
        try (TestServer server = TestServer.start(Options.usual().withStallTimeout(Duration.ofMillis(300)));
                RawClient stalled = RawClient.withSmallBuffer(server)) {
            stalled.post(TEXT, LONG);
            stalled.readUntil("\"text\":");
            TestServer.await("the stalled client to be cut off", () -> finished(server, "stalled") == 1);
            TestServer.await("its blocks to be free", () -> idle(server));
            assertThat(server.service.open().count()).isZero();
            // What is still under way to it breaks off in the middle: nothing makes it look complete.
            assertThat(stalled.readToTheBreak()).doesNotContain("[DONE]").doesNotContain("\r\n0\r\n\r\n");
            assertThat(server.chat(asking("others go on")).body()).contains("others go on");
        }
    }

    @Test
    void who_takes_nothing_of_a_resumable_stream_is_cut_off_and_can_come_back() throws Exception {
        try (TestServer server = TestServer.start(Options.usual().withStallTimeout(Duration.ofMillis(300)));
                RawClient stalled = RawClient.withSmallBuffer(server)) {
            stalled.post(TEXT, LONG, RESUMABLE);
            String head = stalled.readUntil("\"text\":");
            // Only somebody else can read to the end.
            TestServer.await("the stream to have another reader", () -> finished(server, "length") == 1);
            String rest = stalled.readToTheBreak();
            assertThat(rest).doesNotContain("[DONE]");
            List<Event> seen = new ArrayList<>(RawClient.events(head + rest));
            seen.addAll(Event.parse(
                    resume(server, streamOf(head), seen.getLast().id()).body()));
            assertThat(Event.sum(seen))
                    .containsEntry("choice 0 text", "abc".repeat(2667).substring(0, 8000))
                    .containsEntry("end", "done");
        }
    }

    @Test
    void who_takes_a_whole_answer_slowly_but_steadily_gets_it() throws Exception {
        String request = "{\"prompt\":\"abc\",\"max_tokens\":4000,\"logprobs\":20}";
        try (TestServer server = TestServer.start(Options.usual().withStallTimeout(Duration.ofSeconds(10)));
                RawClient client = RawClient.withSmallBuffer(server)) {
            client.post(TEXT, request);
            assertThat(client.readResponse()).contains("\"finish_reason\":\"length\"");
            assertThat(finished(server, "stalled")).isZero();
        }
    }

    @Test
    void a_thousand_readers_of_a_byte_at_a_time_leave_the_heap_flat_and_others_untouched() throws Exception {
        Options options =
                Options.usual().withSequencesMax(1000).withWaitingMax(1000).withBlockCount(40_000);
        try (TestServer server = TestServer.start(options)) {
            server.chat(asking("warm up")).body();
            long before = heapInUse();
            List<SocketChannel> readers = new ArrayList<>();
            try {
                for (int i = 0; i < READERS; i++) readers.add(slowReader(server));
                TestServer.await(
                        "all to be computed", () -> server.engine.stats().work().sampledTokens() >= READERS * TOKENS);
                readAByteEach(readers);
                assertThat(heapInUse() - before).isLessThan(READERS * PER_READER);
                // Nobody is done, nobody was cut off, and who reads as usual is served as usual.
                assertThat(server.service.open().count()).isEqualTo(READERS);
                for (int i = 0; i < 5; i++) {
                    assertThat(server.chat(asking("at once")).body()).contains("at once");
                }
                long inTheMiddle = heapInUse();
                for (int i = 0; i < 20; i++) readAByteEach(readers);
                assertThat(heapInUse() - inTheMiddle).isLessThan(NOISE);
            } finally {
                for (SocketChannel reader : readers) reader.close();
            }
            TestServer.awaitLong(
                    "all to be given up", () -> server.service.open().count() == 0);
            TestServer.await("the heap to be as it was", () -> heapInUse() - before < NOISE);
        }
    }

    private static final int READERS = 1000;
    private static final int TOKENS = 300;
    private static final long NOISE = 8 << 20; // metrics, class data, buffers of the test's own client

    /// What a reader may cost, in bytes. Its connection: two buffers of 8 KiB for the socket, one of 4 KiB for
    /// the answer, one of 8 KiB for what is read ahead, and as much again for its request's parts. Its two
    /// threads: stacks of 8 KiB each while they wait. Its tokens: 300 with 20 alternatives at 172 bytes each, in
    /// arrays of up to 512. The event under way three times: as JSON, in the answer's buffer, on its way to the
    /// socket; 16 tokens with 20 alternatives at 48 bytes each.
    private static final long PER_READER = 28 * 1024 * 2 + 2 * 8 * 1024 + 512 * 172 + 3 * 16 * 21 * 48;

    private static SocketChannel slowReader(TestServer server) throws IOException {
        SocketChannel reader = SocketChannel.open();
        reader.setOption(StandardSocketOptions.SO_RCVBUF, 1024);
        reader.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), server.http.port()));
        String json = "{\"prompt\":\"abc\",\"max_tokens\":" + TOKENS + ",\"logprobs\":20,\"stream\":true}";
        reader.write(ByteBuffer.wrap(RawClient.postText(TEXT, json).getBytes(StandardCharsets.UTF_8)));
        return reader;
    }

    private static void readAByteEach(List<SocketChannel> readers) throws IOException {
        ByteBuffer one = ByteBuffer.allocate(1);
        for (SocketChannel reader : readers) {
            assertThat(reader.read(one.clear())).isEqualTo(1);
        }
    }

    /// After a collection: what is in use then is what is held.
    private static long heapInUse() {
        System.gc();
        return Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory();
    }

    private static double finished(TestServer server, String reason) {
        return server.metric("sluice_choices_finished_total{model=\"test-model\",reason=\"" + reason + "\"}");
    }

    private static boolean idle(TestServer server) {
        var stats = server.engine.stats();
        return stats.running() == 0 && stats.waiting() == 0 && stats.blocks().used() == 0;
    }
}
