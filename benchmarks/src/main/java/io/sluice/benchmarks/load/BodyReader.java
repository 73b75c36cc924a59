package io.sluice.benchmarks.load;

import java.io.IOException;

/// Takes the framing off an answer's body: chunks, a known length, or until the connection ends. Hands out
/// what came with each read of the socket, in place. Hot path: no allocation. One thread.
final class BodyReader {

    /// What is done with the bytes of a body.
    interface Sink {
        /// `[from, to)` of `bytes` are the body's next.
        void accept(byte[] bytes, int from, int to) throws IOException;

        /// All that one read of the socket brought was accepted.
        default void readDone() {}
    }

    /// What comes next.
    private enum Next {
        DATA,
        CHUNK_LENGTH,
        CHUNK_END,
        TRAILER,
        NOTHING
    }

    private static final int LINE_BYTES_MAX = 1024;

    private final HttpConnection connection;
    private final boolean chunked;
    private final boolean untilClose; // no length is known
    private Next next;
    private long left; // of the data

    BodyReader(HttpConnection connection, ResponseHead head) {
        this.connection = connection;
        chunked = head.isChunked();
        untilClose = !chunked && head.contentLength() < 0;
        left = untilClose ? Long.MAX_VALUE : head.contentLength();
        next = chunked ? Next.CHUNK_LENGTH : left == 0 ? Next.NOTHING : Next.DATA;
    }

    /// True if the body was read to its end and the connection goes on behind it.
    boolean isConnectionReusable() {
        return next == Next.NOTHING && !untilClose;
    }

    /// Hands out what is there; if nothing is, waits for the socket first.
    ///
    /// @return false at the body's end
    /// @throws IOException if the connection ends before the body
    boolean read(Sink sink) throws IOException {
        if (next == Next.NOTHING) return false;
        boolean lineIsBroken = next != Next.DATA && endOfLine() < 0;
        if ((lineIsBroken || connection.from() == connection.to()) && !connection.more()) {
            if (!untilClose) throw new IOException("the connection ended in the middle of the answer");
            next = Next.NOTHING;
            return false;
        }
        while (next != Next.NOTHING && connection.from() < connection.to()) {
            if (next == Next.DATA) handOut(sink);
            else if (!readLine()) break;
        }
        sink.readDone();
        return true;
    }

    private void handOut(Sink sink) throws IOException {
        int from = connection.from();
        int count = (int) Math.min(left, connection.to() - from);
        sink.accept(connection.buffer(), from, from + count);
        connection.use(count);
        left -= count;
        if (left == 0) next = chunked ? Next.CHUNK_END : Next.NOTHING;
    }

    /// Reads one line of the framing.
    ///
    /// @return false if its end has not come yet
    private boolean readLine() throws IOException {
        int end = endOfLine();
        int from = connection.from();
        if (end < 0) {
            if (connection.to() - from > LINE_BYTES_MAX) throw new IOException("the answer's framing is broken");
            return false;
        }
        byte[] buffer = connection.buffer();
        boolean isEmpty = end == from || (end == from + 1 && buffer[from] == '\r');
        switch (next) {
            case CHUNK_LENGTH -> {
                left = length(buffer, from, end);
                next = left == 0 ? Next.TRAILER : Next.DATA;
            }
            case CHUNK_END -> {
                if (!isEmpty) throw new IOException("a chunk is longer than it says");
                next = Next.CHUNK_LENGTH;
            }
            case TRAILER -> {
                if (isEmpty) next = Next.NOTHING;
            }
            case DATA, NOTHING -> throw new IllegalStateException("no line of the framing is due");
        }
        connection.use(end + 1 - from);
        return true;
    }

    private int endOfLine() {
        byte[] buffer = connection.buffer();
        for (int i = connection.from(); i < connection.to(); i++) {
            if (buffer[i] == '\n') return i;
        }
        return -1;
    }

    private static long length(byte[] line, int from, int end) throws IOException {
        long length = 0;
        int digits = 0;
        for (int i = from; i < end; i++) {
            int digit = Character.digit(line[i], 16);
            if (digit < 0) break;
            length = length * 16 + digit;
            digits++;
        }
        if (digits == 0 || digits > 8) throw new IOException("a chunk has no length");
        return length;
    }
}
