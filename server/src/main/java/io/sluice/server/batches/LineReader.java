package io.sluice.server.batches;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import org.jspecify.annotations.Nullable;

/// Reads a file line by line, so that no more than a line of it is in memory. One thread.
final class LineReader implements AutoCloseable {
    private final InputStream in;
    private final ByteArrayOutputStream line = new ByteArrayOutputStream();
    private long wholeBytes;
    private long readBytes;
    private boolean ended;

    /// @param in closed with the reader
    LineReader(InputStream in) {
        this.in = new BufferedInputStream(in);
    }

    /// The next line, without its end; null behind the last. What follows the last line feed is a line too, if it is
    /// not empty.
    byte @Nullable [] next() throws IOException {
        if (ended) return null;
        line.reset();
        for (int letter = in.read(); letter >= 0; letter = in.read()) {
            readBytes++;
            if (letter == '\n') {
                wholeBytes = readBytes;
                return line.toByteArray();
            }
            line.write(letter);
        }
        ended = true;
        return line.size() == 0 ? null : line.toByteArray();
    }

    /// Bytes up to the end of the last line that was read and had one.
    long wholeBytes() {
        return wholeBytes;
    }

    @Override
    public void close() throws IOException {
        in.close();
    }
}
