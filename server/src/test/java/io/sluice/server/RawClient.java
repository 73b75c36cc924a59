package io.sluice.server;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/// A client that speaks HTTP byte by byte, for what no decent client does.
final class RawClient implements AutoCloseable {
    private final Socket socket;
    private final InputStream in;

    RawClient(TestServer server) throws IOException {
        this(server.http.port(), new Socket());
    }

    private RawClient(int port, Socket socket) throws IOException {
        this.socket = socket;
        socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
        socket.setSoTimeout((int) Duration.ofSeconds(60).toMillis());
        in = new BufferedInputStream(socket.getInputStream());
    }

    /// A client of any server on this machine.
    static RawClient to(int port) throws IOException {
        return new RawClient(port, new Socket());
    }

    /// A client for which the system keeps next to nothing: what it does not read, the server cannot send.
    static RawClient withSmallBuffer(TestServer server) throws IOException {
        Socket socket = new Socket();
        socket.setReceiveBufferSize(1024); // must be said before the connection is made
        return new RawClient(server.http.port(), socket);
    }

    RawClient send(String text) throws IOException {
        return send(text.getBytes(StandardCharsets.UTF_8));
    }

    RawClient send(byte[] bytes) throws IOException {
        socket.getOutputStream().write(bytes);
        socket.getOutputStream().flush();
        return this;
    }

    /// The lines of a request's head, and the empty one.
    RawClient sendHead(String... lines) throws IOException {
        return send(String.join("\r\n", lines) + "\r\n\r\n");
    }

    /// A whole POST.
    RawClient post(String path, String json) throws IOException {
        return send(postText(path, json));
    }

    /// The same with further headers, each with its end of line.
    RawClient post(String path, String json, String headers) throws IOException {
        return send(postText(path, json, headers));
    }

    static String postText(String path, String json) {
        return postText(path, json, "");
    }

    private static String postText(String path, String json, String headers) {
        return "POST " + path + " HTTP/1.1\r\nHost: localhost\r\n" + headers
                + "Content-Type: application/json\r\nContent-Length: "
                + json.getBytes(StandardCharsets.UTF_8).length + "\r\n\r\n" + json;
    }

    /// The whole events in what was read of a response: its head, and chunks of which the last may be cut.
    static List<Event> events(String response) {
        byte[] raw = response.substring(response.indexOf("\r\n\r\n") + 4).getBytes(StandardCharsets.UTF_8);
        ByteArrayOutputStream body = new ByteArrayOutputStream();
        int at = 0;
        while (at < raw.length) {
            int lineEnd = at;
            while (raw[lineEnd] != '\r') lineEnd++;
            int length = Integer.parseInt(new String(raw, at, lineEnd - at, StandardCharsets.US_ASCII), 16);
            int start = lineEnd + 2;
            body.write(raw, start, Math.min(length, raw.length - start));
            at = start + length + 2;
        }
        String text = body.toString(StandardCharsets.UTF_8);
        return Event.parse(text.substring(0, text.lastIndexOf("\n\n") + 2));
    }

    /// Says that nothing more will be sent, and goes on listening.
    RawClient endSending() throws IOException {
        socket.shutdownOutput();
        return this;
    }

    /// One line without its end.
    String readLine() throws IOException {
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        for (int c = in.read(); c != '\n'; c = in.read()) {
            if (c < 0) throw new IOException("the connection ended after: " + line.toString(StandardCharsets.UTF_8));
            if (c != '\r') line.write(c);
        }
        return line.toString(StandardCharsets.UTF_8);
    }

    /// Status line, headers and a body of declared length.
    String readResponse() throws IOException {
        StringBuilder response = new StringBuilder();
        int length = 0;
        for (String line = readLine(); !line.isEmpty(); line = readLine()) {
            response.append(line).append('\n');
            if (line.toLowerCase(Locale.ROOT).startsWith("content-length:")) {
                length = Integer.parseInt(
                        line.substring("content-length:".length()).strip());
            }
        }
        return response.append('\n')
                .append(new String(in.readNBytes(length), StandardCharsets.UTF_8))
                .toString();
    }

    /// Everything up to the end of the connection.
    String readToEnd() throws IOException {
        return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }

    /// Everything up to where the connection ends or breaks.
    String readToTheBreak() throws IOException {
        ByteArrayOutputStream read = new ByteArrayOutputStream();
        try {
            for (int c = in.read(); c >= 0; c = in.read()) read.write(c);
        } catch (SocketException e) {
            // It was broken off.
        }
        return read.toString(StandardCharsets.UTF_8);
    }

    /// Reads until the text has come.
    String readUntil(String text) throws IOException {
        byte[] end = text.getBytes(StandardCharsets.UTF_8);
        byte[] latest = new byte[end.length]; // a window on the newest bytes
        ByteArrayOutputStream read = new ByteArrayOutputStream();
        while (read.size() < end.length || !Arrays.equals(latest, end)) {
            int c = in.read();
            if (c < 0) throw new IOException("the connection ended after: " + read.toString(StandardCharsets.UTF_8));
            read.write(c);
            System.arraycopy(latest, 1, latest, 0, latest.length - 1);
            latest[latest.length - 1] = (byte) c;
        }
        return read.toString(StandardCharsets.UTF_8);
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
