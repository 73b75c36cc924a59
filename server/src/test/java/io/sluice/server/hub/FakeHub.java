package io.sluice.server.hub;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;

/// A hub on this machine with one model, which cuts, throttles, redirects and lies as a test wants it.
final class FakeHub implements AutoCloseable {
    static final String MODEL = "acme/tiny";
    static final String COMMIT = "0123456789abcdef0123456789abcdef01234567";

    private final HttpServer server;
    private final HttpServer elsewhere; // where large files are, as on the Hub
    private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
    private final Map<String, byte[]> files = new LinkedHashMap<>();
    private final Map<String, String> checksums = new LinkedHashMap<>();

    /// Requests as they came: `path range authorization`.
    final List<String> requests = new CopyOnWriteArrayList<>();

    final List<String> requestsElsewhere = new CopyOnWriteArrayList<>();

    /// Answers of bytes that end too early, after half and a third of what is left in turn.
    final AtomicInteger cuts = new AtomicInteger();

    /// Answers of 429 before anything is told.
    final AtomicInteger throttles = new AtomicInteger();

    /// Answers with a wrong byte.
    final AtomicInteger lies = new AtomicInteger();

    /// Answers that stop in the middle without an end, until the hub is closed.
    final AtomicInteger silences = new AtomicInteger();

    private final CountDownLatch closed = new CountDownLatch(1);

    /// Files that are listed and not there.
    final Set<String> lost = ConcurrentHashMap.newKeySet();

    /// What the list says of every file's size; the truth if it is empty.
    volatile OptionalLong claimedSize = OptionalLong.empty();

    volatile boolean ignoresRanges;
    volatile boolean listsWithoutEnd;
    volatile boolean redirectsInCircles;
    volatile boolean answersHtml;
    volatile int refusesWith;

    FakeHub() {
        server = start(this::answer);
        elsewhere = start(this::answerElsewhere);
    }

    private interface Handler {
        void answer(HttpExchange exchange) throws IOException;
    }

    private HttpServer start(Handler handler) {
        try {
            HttpServer made = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
            made.setExecutor(threads);
            made.createContext("/", exchange -> {
                try (exchange) {
                    handler.answer(exchange);
                }
            });
            made.start();
            return made;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    URI endpoint() {
        return address(server);
    }

    private static URI address(HttpServer server) {
        return URI.create("http://localhost:" + server.getAddress().getPort());
    }

    /// A small file, kept in git.
    void small(String path, String content) {
        byte[] bytes = content.getBytes(StandardCharsets.UTF_8);
        byte[] head = ("blob " + bytes.length + "\0").getBytes(StandardCharsets.UTF_8);
        byte[] blob = Arrays.copyOf(head, head.length + bytes.length);
        System.arraycopy(bytes, 0, blob, head.length, bytes.length);
        files.put(path, bytes);
        checksums.put(path, hex("SHA-1", blob));
    }

    /// A large file, kept elsewhere.
    void large(String path, byte[] bytes) {
        files.put(path, bytes);
        checksums.put(path, hex("SHA-256", bytes));
    }

    String checksum(String path) {
        return checksums.getOrDefault(path, "");
    }

    private boolean isLarge(String path) {
        return checksum(path).length() == 64;
    }

    private void answer(HttpExchange exchange) throws IOException {
        note(exchange, requests);
        String path = exchange.getRequestURI().getPath();
        if (throttles.get() > 0 && throttles.getAndDecrement() > 0) {
            exchange.getResponseHeaders().add("Retry-After", "7");
            exchange.sendResponseHeaders(429, -1);
        } else if (refusesWith != 0) {
            exchange.sendResponseHeaders(refusesWith, -1);
        } else if (answersHtml) {
            send(exchange, 200, "<html>log in</html>".getBytes(StandardCharsets.UTF_8));
        } else if (path.equals("/api/models/" + MODEL + "/revision/main")) {
            byte[] listing = listing().getBytes(StandardCharsets.UTF_8);
            if (listsWithoutEnd) stopHalfway(exchange, 200, listing);
            else send(exchange, 200, listing);
        } else {
            String prefix = "/" + MODEL + "/resolve/" + COMMIT + "/";
            String file = path.startsWith(prefix) ? path.substring(prefix.length()) : "";
            if (!files.containsKey(file) || lost.contains(file)) {
                exchange.sendResponseHeaders(404, -1);
            } else if (isLarge(file)) {
                URI to = redirectsInCircles
                        ? endpoint().resolve(path)
                        : address(elsewhere).resolve("/" + file);
                exchange.getResponseHeaders().add("Location", to.toString());
                exchange.sendResponseHeaders(302, -1);
            } else {
                send(exchange, 200, content(file));
            }
        }
    }

    private void answerElsewhere(HttpExchange exchange) throws IOException {
        note(exchange, requestsElsewhere);
        byte[] content = content(exchange.getRequestURI().getPath().substring(1));
        if (lies.get() > 0 && lies.getAndDecrement() > 0) {
            content = content.clone();
            content[0] ^= 1;
        }
        String range = exchange.getRequestHeaders().getFirst("Range");
        int from = range == null || ignoresRanges ? 0 : Integer.parseInt(range.replaceAll("[^0-9]", ""));
        byte[] rest = Arrays.copyOfRange(content, from, content.length);
        if (from > 0) {
            exchange.getResponseHeaders()
                    .add("Content-Range", "bytes " + from + "-" + (content.length - 1) + "/" + content.length);
        }
        if (cuts.get() > 0 && cuts.getAndDecrement() > 0) {
            exchange.sendResponseHeaders(from > 0 ? 206 : 200, rest.length);
            OutputStream out = exchange.getResponseBody();
            out.write(rest, 0, rest.length / (2 + cuts.get() % 2));
            out.flush();
            return; // closing the exchange ends the connection
        }
        if (silences.get() > 0 && silences.getAndDecrement() > 0) {
            stopHalfway(exchange, from > 0 ? 206 : 200, rest);
            return;
        }
        send(exchange, from > 0 ? 206 : 200, rest);
    }

    private void stopHalfway(HttpExchange exchange, int status, byte[] body) throws IOException {
        exchange.sendResponseHeaders(status, body.length);
        exchange.getResponseBody().write(body, 0, body.length / 2);
        exchange.getResponseBody().flush();
        awaitClose();
    }

    private void awaitClose() {
        try {
            closed.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private byte[] content(String file) {
        byte[] content = files.get(file);
        if (content == null) throw new IllegalArgumentException("no file " + file);
        return content;
    }

    private String listing() {
        StringBuilder json = new StringBuilder("{\"id\":\"" + MODEL + "\",\"sha\":\"" + COMMIT + "\",\"siblings\":[");
        String between = "";
        for (Map.Entry<String, byte[]> file : files.entrySet()) {
            String path = file.getKey();
            long size = claimedSize.orElse(file.getValue().length);
            json.append(between)
                    .append("{\"rfilename\":\"")
                    .append(path)
                    .append("\",\"size\":")
                    .append(size);
            json.append(",\"blobId\":\"")
                    .append(isLarge(path) ? "f".repeat(40) : checksum(path))
                    .append('"');
            if (isLarge(path)) {
                json.append(",\"lfs\":{\"sha256\":\"")
                        .append(checksum(path))
                        .append("\",\"size\":")
                        .append(size);
                json.append('}');
            }
            json.append('}');
            between = ",";
        }
        return json.append("]}").toString();
    }

    private static void note(HttpExchange exchange, List<String> requests) {
        requests.add(exchange.getRequestURI().getPath() + " "
                + exchange.getRequestHeaders().getFirst("Range") + " "
                + exchange.getRequestHeaders().getFirst("Authorization"));
    }

    private static void send(HttpExchange exchange, int status, byte[] body) throws IOException {
        exchange.sendResponseHeaders(status, body.length == 0 ? -1 : body.length);
        exchange.getResponseBody().write(body);
    }

    private static String hex(String algorithm, byte[] bytes) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance(algorithm).digest(bytes));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public void close() {
        closed.countDown();
        server.stop(0);
        elsewhere.stop(0);
        threads.shutdownNow();
    }
}
