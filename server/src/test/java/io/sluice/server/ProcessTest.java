package io.sluice.server;

import static io.sluice.server.TestServer.at;
import static io.sluice.server.TestServer.json;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// How the process ends: on a signal, on a second one, and when the device is lost. On real processes.
@Timeout(600)
class ProcessTest {
    private static final Pattern ADDRESS = Pattern.compile("at (http://127\\.0\\.0\\.1:\\d+) ");
    private static final String LONG =
            "{\"prompt\":\"Once upon a time\",\"max_tokens\":900,\"ignore_eos\":true,\"stream\":true}";

    @TempDir
    @SuppressWarnings("NullAway.Init") // JUnit sets it
    Path folder;

    private final HttpClient client = HttpClient.newHttpClient();
    private @Nullable Process process;

    @BeforeEach
    void hang_until_told_otherwise() throws IOException {
        trouble(TroubledServer.HANG);
    }

    @AfterEach
    void end() throws InterruptedException {
        if (process != null) process.destroyForcibly().waitFor();
        client.close();
    }

    @Test
    void a_lost_device_ends_every_stream_honestly_and_the_process_at_once() throws Exception {
        String url = start();
        var streams = List.of(ask(url, LONG), ask(url, LONG), ask(url, LONG));
        var whole = ask(url, LONG.replace("true}", "false}"));
        letGo();
        awaitMetric(url, "sluice_time_to_first_token_seconds_count", 4);
        trouble(TroubledServer.LOSE);
        for (var stream : streams) {
            assertThat(stream.get().statusCode()).isEqualTo(200);
            Event last = Event.parse(stream.get().body()).getLast();
            assertThat(last.isError()).isTrue();
            assertThat(at(last.json(), "error.code")).isEqualTo("device_lost");
            assertThat(at(last.json(), "error.retryable")).isEqualTo(true);
        }
        assertThat(whole.get().statusCode()).isEqualTo(503);
        assertThat(at(json(whole.get().body()), "error.code")).isEqualTo("device_lost");
        assertThat(exitCode()).isEqualTo(1);
        assertThat(output()).contains("the engine has stopped");
    }

    @Test
    void a_step_that_hangs_makes_the_process_unready_until_it_returns() throws Exception {
        String url = start("--stuck-step-timeout", "200ms");
        assertThat(status(url, "/readyz")).isEqualTo(200);
        var stream = ask(url, LONG.replace("900", "5"));
        TestServer.await("it to be noticed", () -> status(url, "/readyz") == 503);
        assertThat(status(url, "/livez")).isEqualTo(200);
        assertThat(get(url, "/readyz").body()).isEqualTo("{\"status\":\"not ok\"}");
        TestServer.await("the log to say why", () -> output().contains("/readyz says 503 until it returns"));
        letGo();
        assertThat(stream.get().body()).contains("[DONE]");
        assertThat(status(url, "/readyz")).isEqualTo(200);
        TestServer.await("the log to say so", () -> output().contains("/readyz says 200 again"));
    }

    @Test
    void a_signal_lets_what_runs_finish_and_takes_nothing_new_after_a_while() throws Exception {
        String url = start("--drain-delay", "10s", "--drain-timeout", "120s");
        var stream = ask(url, LONG.replace("900", "50"));
        awaitMetric(url, "sluice_requests_admitted_total", 1);
        terminate();
        TestServer.await("readiness to flip", () -> status(url, "/readyz") == 503);
        // Still taken, while proxies notice; and told to use another connection next time.
        var late = ask(url, LONG.replace("900", "50"));
        awaitMetric(url, "sluice_requests_admitted_total", 2);
        assertThat(get(url, "/livez").headers().firstValue("connection")).contains("close");
        TestServer.await("new requests to be refused", () -> status(url, "/v1/models") == 503);
        var refused = ask(url, LONG).get();
        assertThat(refused.statusCode()).isEqualTo(503);
        assertThat(at(json(refused.body()), "error.code")).isEqualTo("draining");
        assertThat(refused.headers().firstValue("retry-after")).isPresent();
        assertThat(refused.headers().firstValue("connection")).contains("close");
        assertThat(status(url, "/livez")).isEqualTo(200);
        letGo();
        for (var answer : List.of(stream, late)) {
            assertThat(answer.get().body()).contains("\"finish_reason\":\"length\"", "[DONE]");
        }
        assertThat(exitCode()).isZero();
    }

    @Test
    void what_takes_longer_ends_with_an_error_even_if_its_step_never_returns() throws Exception {
        String url = start("--drain-timeout", "500ms");
        letGo();
        var stream = ask(url, LONG);
        awaitMetric(url, "sluice_time_to_first_token_seconds_count", 1);
        trouble(TroubledServer.HANG);
        terminate();
        Event last = Event.parse(stream.get().body()).getLast();
        assertThat(last.isError()).isTrue();
        assertThat(at(last.json(), "error.code")).isEqualTo("draining");
        assertThat(at(last.json(), "error.retryable")).isEqualTo(true);
        assertThat(exitCode()).isZero();
    }

    @Test
    void a_second_signal_ends_the_process_at_once() throws Exception {
        String url = start("--drain-timeout", "1h");
        var stream = ask(url, LONG);
        awaitMetric(url, "sluice_requests_admitted_total", 1);
        terminate();
        TestServer.await("it to be stopping", () -> output().contains("Stopping: 1 under way"));
        terminate();
        assertThat(exitCode()).isEqualTo(128 + 15);
        assertThat(stream.handle((_, failure) -> failure != null).get()).isTrue(); // cut, not complete
    }

    /// Starts a server, and returns its address once it is ready.
    private String start(String... flags) throws Exception {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx512m",
                "--enable-native-access=ALL-UNNAMED",
                "--sun-misc-unsafe-memory-access=allow",
                "-D" + TroubledServer.FOLDER + "=" + folder,
                "-cp",
                System.getProperty("java.class.path"),
                TroubledServer.class.getName(),
                "--port",
                "0"));
        command.addAll(List.of(flags));
        process = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(folder.resolve("output").toFile())
                .start();
        TestServer.awaitLong(
                "the server to be ready",
                () -> ADDRESS.matcher(output()).find() || !running().isAlive());
        Matcher matcher = ADDRESS.matcher(output());
        assertThat(matcher.find()).as(output()).isTrue();
        return matcher.group(1);
    }

    private void trouble(String name) throws IOException {
        Files.createFile(folder.resolve(name));
    }

    private void letGo() throws IOException {
        Files.delete(folder.resolve(TroubledServer.HANG));
    }

    private void terminate() {
        running().destroy();
    }

    private int exitCode() throws InterruptedException {
        assertThat(running().waitFor(120, TimeUnit.SECONDS)).as(output()).isTrue();
        return running().exitValue();
    }

    private Process running() {
        if (process == null) throw new AssertionError("nothing was started");
        return process;
    }

    private String output() {
        try {
            return Files.readString(folder.resolve("output"));
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private CompletableFuture<HttpResponse<String>> ask(String url, String json) {
        HttpRequest request = HttpRequest.newBuilder(URI.create(url + "/v1/completions"))
                .POST(HttpRequest.BodyPublishers.ofString(json))
                .build();
        return client.sendAsync(request, HttpResponse.BodyHandlers.ofString());
    }

    private HttpResponse<String> get(String url, String path) {
        try {
            return client.send(
                    HttpRequest.newBuilder(URI.create(url + path)).build(), HttpResponse.BodyHandlers.ofString());
        } catch (IOException | InterruptedException e) {
            throw new AssertionError(output(), e);
        }
    }

    private int status(String url, String path) {
        return get(url, path).statusCode();
    }

    private void awaitMetric(String url, String name, double value) throws InterruptedException {
        TestServer.await(
                name + " to be " + value,
                () -> get(url, "/metrics")
                        .body()
                        .lines()
                        .anyMatch(line -> line.startsWith(name + "{")
                                && Double.parseDouble(line.substring(line.lastIndexOf(' ') + 1)) >= value));
    }
}
