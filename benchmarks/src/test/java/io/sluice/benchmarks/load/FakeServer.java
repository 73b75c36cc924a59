package io.sluice.benchmarks.load;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntFunction;

/// A server that answers its requests as a script says, by their number, and remembers what it was asked.
final class FakeServer implements AutoCloseable {

    /// How one request is answered.
    sealed interface Answer {
        /// Events, each written by itself, in an answer that ends well.
        record Stream(List<String> events) implements Answer {}

        /// Events of an answer that breaks off behind them.
        record Cut(List<String> events) implements Answer {}

        /// An answer that is no stream.
        record Plain(int status, List<String> headers, String body) implements Answer {}
    }

    /// What was asked. A value.
    record Asked(String path, String authorization, String body) {}

    private final HttpServer server;
    private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
    private final AtomicInteger count = new AtomicInteger();
    private final List<Asked> asked = new CopyOnWriteArrayList<>();
    private final IntFunction<Answer> script;

    FakeServer(IntFunction<Answer> script) throws IOException {
        this.script = script;
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setExecutor(threads);
        server.createContext("/", this::answer);
        server.start();
    }

    /// A whole answer of so many tokens.
    static Answer tokens(int tokens) {
        var events = new ArrayList<String>();
        events.add("data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n");
        for (int i = 0; i < tokens; i++) {
            events.add("data: {\"choices\":[{\"delta\":{\"content\":\"t" + i + "\"},\"finish_reason\":null}]}\n\n");
        }
        events.add("data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n");
        events.add("data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":" + tokens + "}}\n\n");
        events.add("data: [DONE]\n\n");
        return new Answer.Stream(events);
    }

    static Answer refusal(int status, String code, String... headers) {
        return new Answer.Plain(
                status, List.of(headers), "{\"error\":{\"message\":\"no\",\"type\":\"t\",\"code\":\"" + code + "\"}}");
    }

    Target target() {
        return Target.of("http://127.0.0.1:" + server.getAddress().getPort());
    }

    List<Asked> asked() {
        return asked;
    }

    private void answer(HttpExchange exchange) throws IOException {
        try (exchange) {
            String body = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
            String authorization = exchange.getRequestHeaders().getFirst("Authorization");
            asked.add(new Asked(exchange.getRequestURI().getPath(), authorization == null ? "" : authorization, body));
            switch (script.apply(count.getAndIncrement())) {
                case Answer.Stream(var events) -> write(exchange, events, true);
                case Answer.Cut(var events) -> write(exchange, events, false);
                case Answer.Plain plain -> write(exchange, plain);
            }
        }
    }

    private static void write(HttpExchange exchange, List<String> events, boolean whole) throws IOException {
        exchange.getResponseHeaders().set("Content-Type", "text/event-stream; charset=utf-8");
        int length = events.stream().mapToInt(String::length).sum();
        // A length that is never reached makes a connection that breaks in the middle.
        exchange.sendResponseHeaders(200, whole ? 0 : length + 1000);
        OutputStream out = exchange.getResponseBody();
        for (String event : events) {
            out.write(event.getBytes(StandardCharsets.UTF_8));
            out.flush();
        }
    }

    private static void write(HttpExchange exchange, Answer.Plain plain) throws IOException {
        for (String header : plain.headers()) {
            int colon = header.indexOf(':');
            exchange.getResponseHeaders()
                    .set(header.substring(0, colon), header.substring(colon + 1).strip());
        }
        byte[] body = plain.body().getBytes(StandardCharsets.UTF_8);
        exchange.sendResponseHeaders(plain.status(), body.length);
        exchange.getResponseBody().write(body);
    }

    @Override
    public void close() {
        server.stop(0);
        threads.shutdownNow();
    }
}
