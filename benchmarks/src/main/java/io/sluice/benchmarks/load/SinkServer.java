package io.sluice.benchmarks.load;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// A server that computes nothing: it answers every request with as many tokens as it asks for, at a steady
/// pace. It shows what a load generator can do, and what a figure is when there is no server in it. Virtual
/// threads of its own.
final class SinkServer implements AutoCloseable {
    private static final int BACKLOG = 4096;
    private static final int BODY_BYTES_MAX = 64 << 20;
    private static final int TOKENS_DEFAULT = 16;
    private static final int TOKENS_MAX = 1 << 20;
    private static final Pattern MAX_TOKENS = Pattern.compile("\"max_(?:completion_)?tokens\" ?: ?([0-9]{1,9})");

    private static final byte[] HEAD = bytes(String.join(
            "\r\n", "HTTP/1.1 200 OK", "Content-Type: text/event-stream", "Transfer-Encoding: chunked", "", ""));
    private static final String ID = "\"id\":\"sink\",\"created\":0,\"model\":\"sink\",";
    private static final byte[] CHAT_TOKEN = chunk("{" + ID + "\"object\":\"chat.completion.chunk\",\"choices\":[{"
            + "\"index\":0,\"delta\":{\"content\":\" token\"},\"finish_reason\":null}]}");
    private static final byte[] CHAT_STOP = chunk("{" + ID + "\"object\":\"chat.completion.chunk\",\"choices\":[{"
            + "\"index\":0,\"delta\":{},\"finish_reason\":\"length\"}]}");
    private static final byte[] TEXT_TOKEN = chunk("{" + ID + "\"object\":\"text_completion\",\"choices\":[{"
            + "\"index\":0,\"text\":\" token\",\"finish_reason\":null}]}");
    private static final byte[] TEXT_STOP = chunk("{" + ID + "\"object\":\"text_completion\",\"choices\":[{"
            + "\"index\":0,\"text\":\"\",\"finish_reason\":\"length\"}]}");
    private static final byte[] END = bytes("0\r\n\r\n");
    private static final byte[] MODELS =
            bytes("{\"object\":\"list\",\"data\":[{\"id\":\"sink\",\"object\":\"model\"}]}");

    private final ServerSocket listener;
    private final Duration first;
    private final Duration gap;
    private final Set<Socket> open = ConcurrentHashMap.newKeySet(); // bounded by what the system lets us accept

    /// @param port 0 takes any free one
    /// @param gap between tokens; none sends them as fast as they are taken
    SinkServer(int port, Duration gap) throws IOException {
        this(port, Duration.ZERO, gap);
    }

    /// @param first from a request to its first token
    SinkServer(int port, Duration first, Duration gap) throws IOException {
        this.first = first;
        this.gap = gap;
        listener = new ServerSocket();
        listener.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), BACKLOG);
        Thread.ofVirtual().start(this::accept);
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static byte[] chunk(String json) {
        String event = "data: " + json + "\n\n";
        return bytes(Integer.toHexString(event.length()) + "\r\n" + event + "\r\n");
    }

    int port() {
        return listener.getLocalPort();
    }

    private void accept() {
        try {
            while (true) {
                Socket socket = listener.accept();
                Thread.ofVirtual().start(() -> serve(socket));
            }
        } catch (IOException e) {
            // Closed: there is nobody to tell.
        }
    }

    private void serve(Socket socket) {
        open.add(socket);
        try (socket) {
            socket.setTcpNoDelay(true);
            InputStream in = new BufferedInputStream(socket.getInputStream(), 16 << 10);
            OutputStream out = socket.getOutputStream();
            while (true) {
                String head = head(in);
                if (head.isEmpty()) return;
                byte[] body = in.readNBytes(contentLength(head));
                if (head.startsWith("GET")) models(out);
                else stream(out, !head.substring(0, head.indexOf('\n')).contains("/chat/"), tokens(body));
            }
        } catch (IOException e) {
            // The client left.
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            open.remove(socket);
        }
    }

    /// Lines up to the empty one; nothing if the client has left.
    private static String head(InputStream in) throws IOException {
        var head = new StringBuilder();
        int newLines = 0;
        while (newLines < 2) {
            int read = in.read();
            if (read < 0) return "";
            if (read == '\n') newLines++;
            else if (read != '\r') newLines = 0;
            head.append((char) read);
        }
        return head.toString();
    }

    private static int contentLength(String head) throws IOException {
        for (String line : head.lines().toList()) {
            String lower = line.toLowerCase(Locale.ROOT);
            if (!lower.startsWith("content-length:")) continue;
            String length = lower.substring("content-length:".length()).strip();
            if (length.matches("[0-9]{1,9}") && Integer.parseInt(length) <= BODY_BYTES_MAX) {
                return Integer.parseInt(length);
            }
            throw new IOException("no length of a body: " + length);
        }
        return 0;
    }

    private static int tokens(byte[] body) {
        Matcher matcher = MAX_TOKENS.matcher(new String(body, StandardCharsets.ISO_8859_1));
        return matcher.find() ? Math.min(Integer.parseInt(matcher.group(1)), TOKENS_MAX) : TOKENS_DEFAULT;
    }

    private static void models(OutputStream out) throws IOException {
        out.write(bytes(
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " + MODELS.length + "\r\n\r\n"));
        out.write(MODELS);
        out.flush();
    }

    private void stream(OutputStream out, boolean isCompletion, int tokens) throws IOException, InterruptedException {
        out.write(HEAD);
        if (!first.isZero()) Thread.sleep(first);
        long nextNs = System.nanoTime();
        for (int i = 0; i < tokens; i++) {
            out.write(isCompletion ? TEXT_TOKEN : CHAT_TOKEN);
            out.flush();
            if (gap.isZero()) continue;
            nextNs += gap.toNanos();
            long leftNs = nextNs - System.nanoTime();
            if (leftNs > 0) Thread.sleep(Duration.ofNanos(leftNs));
        }
        out.write(isCompletion ? TEXT_STOP : CHAT_STOP);
        out.write(chunk("{" + ID + "\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":" + tokens
                + ",\"total_tokens\":" + (tokens + 1) + "}}"));
        out.write(chunk("[DONE]"));
        out.write(END);
        out.flush();
    }

    @Override
    public void close() throws IOException {
        listener.close();
        for (Socket socket : open) socket.close();
    }
}
