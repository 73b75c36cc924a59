package io.sluice.server;

import static io.sluice.server.ResumeTest.RESUMABLE;
import static io.sluice.server.TestServer.prompting;
import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.server.TestServer.Options;
import io.sluice.server.settings.ConfigText;
import io.sluice.server.settings.SettingsSource;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// Every metric that the server exports is made to move by something that clients do, and is told of in the docs.
@Timeout(300)
class MetricsMoveTest {
    private static final Path PAGE = Path.of("..", "docs", "metrics.md");

    /// Moved by `SpeculationTest`: here nothing is guessed.
    private static final String SPECULATION = "(sluice_speculation|vllm:spec_decode)_.*";

    /// What stands still, and why it must.
    private static final Map<String, String> STILL = Map.of(
            "sluice_kv_blocks_leaked", "more than 0 is a bug",
            "sluice_guaranteed_preemptions_total", "more than 0 is a bug",
            "sluice_kv_blocks", "the size of the cache",
            "sluice_kv_block_size_tokens", "the size of a block",
            "vllm:cache_config_info", "the cache's shape",
            "sluice_class_time_to_first_token_target_seconds", "what the policy says",
            "sluice_tenant_kv_floor_blocks", "what the policy says",
            "sluice_tenant_kv_ceiling_blocks", "what the policy says");

    @TempDir
    @SuppressWarnings("NullAway.Init") // JUnit sets it
    Path folder;

    private final MovedSeries seen = new MovedSeries();
    private final AtomicLong aheadNs = new AtomicLong(); // of the engine's clock

    @Test
    void every_value_moves_when_what_it_counts_happens() throws Exception {
        try (TestServer server =
                start(Options.usual().withSequencesMax(2).withWaitingMax(4).withHostBlocks(64))) {
            serveSome(server);
            fillTheQueue(server);
            passADeadline(server);
            failAStep(server);
            giveWay(server);
            keepAStream(server);
        }
        try (TestServer server = start(Options.usual().withSequencesMax(4).withBlockCount(64))) {
            runOutOfBlocks(server);
        }
        try (TestServer server = start(Options.usual())) {
            readNothing(server);
        }
        assertThat(seen.still())
                .as("metrics that nothing moved")
                .allSatisfy(family -> assertThat(family)
                        .satisfiesAnyOf(
                                it -> assertThat(it).startsWith("jvm_"),
                                it -> assertThat(it).matches(SPECULATION),
                                it -> assertThat(STILL).containsKey(it)));
        assertThat(seen.families()).containsAll(STILL.keySet());
        String page = Files.readString(PAGE);
        assertThat(seen.families())
                .filteredOn(family -> !family.startsWith("jvm_"))
                .allSatisfy(family -> assertThat(page)
                        .as("%s tells of %s", PAGE, family)
                        .contains("`" + family.replaceFirst("_total$", "").replaceFirst("_max$", "")));
    }

    private TestServer start(Options options) throws Exception {
        Path config = folder.resolve("sluice.yaml");
        Files.writeString(
                config,
                "policy: {default-tenant: {class: interactive}, prices: {currency: EUR, per-million-output-tokens: 5}}\n");
        seen.begin();
        TestServer server = TestServer.start(options.withClock(() -> System.nanoTime() + aheadNs.get())
                .withSource(new SettingsSource(Map.of(), Optional.of(new ConfigText.FromFile(config)), Map.of())));
        seen.look(server);
        return server;
    }

    private void serveSome(TestServer server) throws Exception {
        KeyedClient client = new KeyedClient(server, "");
        for (int i = 0; i < 3; i++) {
            String prompt = prompting("a text of more than a block or two, so that it is found again");
            assertThat(client.complete(prompt + ",\"n\":2,\"max_tokens\":70").statusCode())
                    .isEqualTo(200);
        }
        seen.look(server);
    }

    private void fillTheQueue(TestServer server) throws Exception {
        KeyedClient client = new KeyedClient(server, "");
        server.gate.close();
        List<CompletableFuture<HttpResponse<String>>> answers = new ArrayList<>();
        for (int i = 0; i < 12; i++) answers.add(client.completeAsync(prompting("number " + i + " of many words")));
        TestServer.await("one to be refused", () -> server.total("sluice_requests_refused_total") > 0);
        server.gate.allow(3);
        TestServer.await("some to run", () -> server.total("sluice_requests_running") == 2);
        TestServer.await("some to wait", () -> server.total("sluice_requests_waiting") > 0);
        seen.look(server);
        server.gate.open();
        for (var answer : answers) answer.get();
        seen.look(server);
    }

    private void passADeadline(TestServer server) throws Exception {
        server.gate.close();
        double admitted = server.total("sluice_requests_admitted_total");
        var late = new KeyedClient(server, "")
                .completeAsync(prompting("too late " + "x".repeat(100)), "x-sluice-deadline-ms", "60000");
        TestServer.await("it to be admitted", () -> server.total("sluice_requests_admitted_total") > admitted);
        aheadNs.addAndGet(61_000_000_000L);
        server.gate.open();
        late.get();
        TestServer.await("it to expire", () -> server.total("sluice_choices_expired_total") > 0);
        seen.look(server);
    }

    private void failAStep(TestServer server) throws Exception {
        server.gate.failSteps();
        assertThat(new KeyedClient(server, "").complete(prompting("fails")).statusCode())
                .isGreaterThanOrEqualTo(500);
        server.gate.heal();
        assertThat(new KeyedClient(server, "").complete(prompting("works")).statusCode())
                .isEqualTo(200);
        seen.look(server);
    }

    private void giveWay(TestServer server) throws Exception {
        KeyedClient client = new KeyedClient(server, "");
        server.gate.close();
        List<CompletableFuture<HttpResponse<String>>> answers = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
            answers.add(client.completeAsync(prompting(i + "batch".repeat(40)), "x-sluice-class", "batch"));
        }
        TestServer.await("them to run", () -> {
            server.gate.allow(1);
            return server.total("sluice_requests_running") == 2;
        });
        answers.add(client.completeAsync(prompting("at once")));
        TestServer.await("one to be parked", () -> {
            server.gate.allow(1);
            return server.total("sluice_sequences_parked") > 0;
        });
        seen.look(server);
        server.gate.open();
        for (var answer : answers) assertThat(answer.get().statusCode()).isEqualTo(200);
        seen.look(server);
    }

    private void keepAStream(TestServer server) throws Exception {
        try (RawClient client = RawClient.to(server.http.port())) {
            client.post("/v1/completions", "{" + prompting("kept") + ",\"stream\":true}", RESUMABLE);
            client.readUntil("[DONE]");
        }
        seen.look(server);
    }

    /// Outputs so far were short; then come some that are not.
    private void runOutOfBlocks(TestServer server) throws Exception {
        KeyedClient client = new KeyedClient(server, "");
        for (int i = 0; i < 40; i++) client.complete(prompting("short"));
        seen.look(server);
        server.gate.close();
        List<CompletableFuture<HttpResponse<String>>> answers = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            answers.add(client.completeAsync("\"prompt\":\"" + i + " is repeated\",\"max_tokens\":400"));
        }
        TestServer.await("all to run", () -> {
            server.gate.allow(1);
            return server.total("sluice_requests_running") == 4;
        });
        server.gate.open();
        for (var answer : answers) assertThat(answer.get().statusCode()).isEqualTo(200);
        seen.look(server);
    }

    private void readNothing(TestServer server) throws Exception {
        try (RawClient client = RawClient.withSmallBuffer(server)) {
            client.post("/v1/completions", "{\"prompt\":\"abc\",\"max_tokens\":8000,\"logprobs\":20,\"stream\":true}");
            TestServer.await("it to stand still", () -> server.total("sluice_sequences_paused") > 0);
            seen.look(server);
        }
    }
}
