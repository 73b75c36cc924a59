package io.sluice.server.http;

import io.helidon.common.buffers.BufferData;
import io.helidon.common.buffers.DataWriter;
import java.util.function.LongSupplier;

/// Writes to a client piece by piece, and knows since when the piece under way waits to be taken. The
/// connection's thread writes; any thread asks.
final class WatchedWriter implements DataWriter {

    /// What a client must take within the stall timeout to count as reading. A long answer is written by a single call
    /// that may rightly take longer than that; each piece of it may not.
    private static final int PIECE_BYTES = 8 * 1024;

    /// `waitingSinceNs` while nothing is being written.
    static final long IDLE = 0;

    private final DataWriter socket;
    private final LongSupplier clock; // nanoseconds
    private volatile long waitingSinceNs = IDLE;

    WatchedWriter(DataWriter socket, LongSupplier clock) {
        this.socket = socket;
        this.clock = clock;
    }

    /// When the client was given what it has not taken yet; `IDLE` if there is nothing.
    long waitingSinceNs() {
        return waitingSinceNs;
    }

    @Override
    public void write(BufferData... buffers) {
        write(BufferData.create(buffers));
    }

    @Override
    public void write(BufferData buffer) {
        try {
            while (buffer.available() > PIECE_BYTES) {
                byte[] piece = new byte[PIECE_BYTES];
                int length = buffer.read(piece);
                writePiece(BufferData.create(piece, 0, length));
            }
            writePiece(buffer);
        } finally {
            waitingSinceNs = IDLE;
        }
    }

    private void writePiece(BufferData piece) {
        waitingSinceNs = clock.getAsLong() | 1; // never IDLE
        socket.writeNow(piece);
    }

    @Override
    public void writeNow(BufferData... buffers) {
        write(buffers);
    }

    @Override
    public void writeNow(BufferData buffer) {
        write(buffer);
    }

    @Override
    public void flush() {
        socket.flush();
    }

    @Override
    public void close() {
        socket.close();
    }
}
