package io.sluice.benchmarks.frontend;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/// Keeps many streams open on one thread and counts the events in their bytes, nothing else: a client that
/// costs so little that the server is what is measured. A stream that ends is asked for again on its
/// connection. Counts may be read by any thread.
final class RawSink implements AutoCloseable {
    private static final byte[] END = "[DONE]\n\n".getBytes(StandardCharsets.US_ASCII);
    private static final String ACCEPTED = "HTTP/1.1 200";
    private static final int ANSWER_MAX_MS = 60_000;
    private static final long LOOK_MS = 100;
    private static final int BUFFER_BYTES = 64 << 10;

    private final InetSocketAddress server;
    private final ByteBuffer request;
    private final AtomicLong events = new AtomicLong();
    private final AtomicLong bytes = new AtomicLong();
    private final AtomicLong reads = new AtomicLong();
    private final AtomicLong ended = new AtomicLong();
    private final List<Stream> streams = new ArrayList<>();
    private final Thread thread = Thread.ofPlatform().name("raw-sink").unstarted(this::run);
    private volatile boolean closing;
    private volatile @Nullable String failure;

    /// One connection. Of the thread.
    private static final class Stream {
        private final SocketChannel channel;
        private boolean newLine; // the last byte was one
        private int matched; // bytes of `END` that the last bytes are

        Stream(SocketChannel channel) {
            this.channel = channel;
        }
    }

    RawSink(int port, String model, int outputTokens) {
        server = new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
        byte[] body = ("{\"model\":\"" + model + "\",\"messages\":[{\"role\":\"user\",\"content\":\"Tell me.\"}],"
                        + "\"stream\":true,\"ignore_eos\":true,\"max_tokens\":" + outputTokens + "}")
                .getBytes(StandardCharsets.UTF_8);
        byte[] head = ("POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                        + "Content-Length: " + body.length + "\r\n\r\n")
                .getBytes(StandardCharsets.US_ASCII);
        request = ByteBuffer.allocateDirect(head.length + body.length);
        request.put(head).put(body).flip();
    }

    /// Opens so many streams at once, of a server that refuses none.
    void open(int count) throws IOException {
        for (int i = 0; i < count; i++) openOne();
        thread.start();
    }

    /// Opens so many streams. No more than `together` of them wait for their answers to begin at any time, so that
    /// the server's queue never overflows.
    ///
    /// @throws IOException if one is refused
    void openAnswered(int count, int together) throws IOException {
        for (int i = 0; i < count; i++) {
            openOne();
            if (i >= together - 1) awaitAnswer(streams.get(i - together + 1));
        }
        for (int i = Math.max(0, count - together + 1); i < count; i++) awaitAnswer(streams.get(i));
        thread.start();
    }

    private void openOne() throws IOException {
        SocketChannel channel = SocketChannel.open();
        streams.add(new Stream(channel)); // what closes it
        channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
        channel.connect(server);
        ask(channel);
    }

    /// Takes the first bytes of the head, in which no line ends.
    private void awaitAnswer(Stream stream) throws IOException {
        Socket socket = stream.channel.socket();
        socket.setSoTimeout(ANSWER_MAX_MS);
        byte[] read = socket.getInputStream().readNBytes(ACCEPTED.length());
        bytes.lazySet(bytes.get() + read.length);
        String answer = new String(read, StandardCharsets.US_ASCII);
        if (!answer.equals(ACCEPTED)) throw new IOException("the server refused a stream: it answered " + answer);
    }

    private void ask(SocketChannel channel) throws IOException {
        ByteBuffer whole = request.duplicate();
        while (whole.hasRemaining()) channel.write(whole);
    }

    private void run() {
        try (Selector selector = Selector.open()) {
            for (Stream stream : streams) {
                stream.channel.configureBlocking(false);
                stream.channel.register(selector, SelectionKey.OP_READ, stream);
            }
            ByteBuffer buffer = ByteBuffer.allocateDirect(BUFFER_BYTES);
            byte[] copy = new byte[BUFFER_BYTES];
            while (!closing) selector.select(key -> read(key, buffer, copy), LOOK_MS);
        } catch (IOException e) {
            fail("the connections: " + e.getMessage());
        }
    }

    private void fail(String what) {
        if (failure == null) failure = what;
        closing = true;
    }

    private void read(SelectionKey key, ByteBuffer buffer, byte[] copy) {
        Stream stream = (Stream) key.attachment();
        try {
            buffer.clear();
            int count = stream.channel.read(buffer);
            if (count < 0) {
                if (!closing) fail("the server closed a stream");
                return;
            }
            buffer.flip().get(copy, 0, count);
            reads.lazySet(reads.get() + 1);
            bytes.lazySet(bytes.get() + count);
            scan(stream, copy, count);
        } catch (IOException e) {
            if (!closing) fail("a stream: " + e.getMessage());
        }
    }

    /// An event ends in an empty line; so does a head, but for its carriage return.
    private void scan(Stream stream, byte[] read, int count) throws IOException {
        int seen = 0;
        boolean newLine = stream.newLine;
        int matched = stream.matched;
        boolean done = false;
        for (int i = 0; i < count; i++) {
            byte one = read[i];
            if (one == '\n') {
                if (newLine) seen++;
                newLine = !newLine;
            } else {
                newLine = false;
            }
            matched = one == END[matched] ? matched + 1 : one == END[0] ? 1 : 0;
            if (matched == END.length) {
                done = true;
                matched = 0;
            }
        }
        stream.newLine = newLine;
        stream.matched = matched;
        events.lazySet(events.get() + seen);
        if (!done) return;
        ended.lazySet(ended.get() + 1);
        ask(stream.channel);
    }

    /// What was counted up to one moment. A value.
    record Counts(long events, long bytes, long reads, long ended) {
        Counts since(Counts before) {
            return new Counts(events - before.events, bytes - before.bytes, reads - before.reads, ended - before.ended);
        }
    }

    Counts counts() {
        return new Counts(events.get(), bytes.get(), reads.get(), ended.get());
    }

    /// What went wrong; null while nothing has.
    @Nullable
    String failure() {
        return failure;
    }

    /// Of the thread that counts.
    long threadId() {
        return thread.threadId();
    }

    @Override
    public void close() throws IOException {
        closing = true;
        try {
            thread.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        for (Stream stream : streams) stream.channel.close();
    }
}
