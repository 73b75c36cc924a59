package io.sluice.benchmarks.load;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.SSLSocketFactory;

/// One HTTP/1.1 connection, with as little between the socket and the measurement as possible: one read of
/// the socket gives one moment, however many tokens it brought. One thread at a time.
final class HttpConnection implements AutoCloseable {

    /// Room for some dozens of tokens; tens of thousands of connections must fit.
    private static final int BUFFER_BYTES = 8 << 10;

    /// Longer heads are no answer of a server that we know.
    private static final int HEAD_BYTES_MAX = 64 << 10;

    private static final Duration CONNECT_MAX = Duration.ofSeconds(10);

    private final Socket socket;
    private final InputStream in;
    private final OutputStream out;
    private byte[] buffer = new byte[BUFFER_BYTES];
    private int from; // [from, to) was read and not used yet
    private int to;
    private boolean used; // an answer came over it already

    private HttpConnection(Socket socket) throws IOException {
        this.socket = socket;
        in = socket.getInputStream();
        out = socket.getOutputStream();
    }

    /// @param silenceMax the longest time without a byte
    static HttpConnection open(Target target, Duration silenceMax) throws IOException {
        var plain = new Socket();
        try {
            plain.setTcpNoDelay(true);
            plain.connect(new InetSocketAddress(target.host(), target.port()), (int) CONNECT_MAX.toMillis());
            plain.setSoTimeout((int) Math.min(silenceMax.toMillis(), Integer.MAX_VALUE));
            return new HttpConnection(target.tls() ? secured(plain, target) : plain);
        } catch (IOException e) {
            plain.close();
            throw e;
        }
    }

    private static Socket secured(Socket plain, Target target) throws IOException {
        var factory = (SSLSocketFactory) SSLSocketFactory.getDefault();
        var socket = (SSLSocket) factory.createSocket(plain, target.host(), target.port(), true);
        SSLParameters parameters = socket.getSSLParameters();
        parameters.setEndpointIdentificationAlgorithm("HTTPS");
        socket.setSSLParameters(parameters);
        socket.startHandshake();
        return socket;
    }

    /// True if it has answered before: the server may have given it up since.
    boolean isUsed() {
        return used;
    }

    void send(byte[] head, byte[] body) throws IOException {
        byte[] all = Arrays.copyOf(head, head.length + body.length);
        System.arraycopy(body, 0, all, head.length, body.length);
        out.write(all);
        out.flush();
    }

    /// Waits for the answer's status line and headers.
    ///
    /// @throws EOFException if the server closed the connection without a byte
    ResponseHead readHead() throws IOException {
        int scanned = from;
        while (true) {
            int end = endOfHead(scanned);
            if (end >= 0) {
                String text = new String(buffer, from, end - from, StandardCharsets.ISO_8859_1);
                from = end;
                used = true;
                return ResponseHead.parse(text);
            }
            scanned = Math.max(from, to - 3);
            if (to - from > HEAD_BYTES_MAX) throw new IOException("the answer's head has no end");
            int kept = to - from;
            int shift = from;
            if (!more()) {
                if (kept == 0) throw new EOFException("the server closed the connection");
                throw new IOException("the answer ends in its head");
            }
            scanned -= shift - from;
        }
    }

    /// The place behind the empty line, or -1.
    private int endOfHead(int scanFrom) {
        for (int i = scanFrom; i + 3 < to; i++) {
            if (buffer[i] == '\r' && buffer[i + 1] == '\n' && buffer[i + 2] == '\r' && buffer[i + 3] == '\n') {
                return i + 4;
            }
        }
        return -1;
    }

    /// Reads more behind what is not used yet; what is used makes room.
    ///
    /// @return false at the end
    boolean more() throws IOException {
        if (from == to) {
            from = 0;
            to = 0;
        } else if (to == buffer.length && from > 0) {
            System.arraycopy(buffer, from, buffer, 0, to - from);
            to -= from;
            from = 0;
        } else if (to == buffer.length) {
            buffer = Arrays.copyOf(buffer, 2 * to);
        }
        int count = in.read(buffer, to, buffer.length - to);
        if (count < 0) return false;
        to += count;
        return true;
    }

    byte[] buffer() {
        return buffer;
    }

    /// Where unused bytes begin.
    int from() {
        return from;
    }

    /// Where they end.
    int to() {
        return to;
    }

    void use(int count) {
        from += count;
    }

    @Override
    public void close() {
        try {
            socket.close();
        } catch (IOException e) {
            // Nothing is lost: whatever mattered was read.
        }
    }
}
