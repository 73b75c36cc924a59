package io.sluice.benchmarks.load;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.benchmarks.traffic.Slo;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.IntFunction;
import org.junit.jupiter.api.Test;

class LoadRunTest {
    private static final Slo PATIENT = new Slo.WholeAnswer(Duration.ofMinutes(10));
    private static final Slo IMPOSSIBLE = new Slo.WholeAnswer(Duration.ZERO);
    private static final Key KEY = new Key("acme", "secret-1", "standard", PATIENT);
    private static final Keyring KEYS = new Keyring(List.of(KEY), 1.1);
    private static final Duration LONG = Duration.ofMinutes(10);

    @Test
    void everyRequestOfAClosedLoopIsAnsweredAndCountedOnce() throws IOException {
        LoadStats.Snapshot measured = closed(_ -> FakeServer.tokens(5), Patience.NONE, 40);
        GroupStats.Snapshot all = measured.all();
        assertThat(all.sent()).isEqualTo(40);
        assertThat(all.answered()).isEqualTo(40);
        assertThat(all.good()).isEqualTo(40);
        assertThat(all.outputTokens()).isEqualTo(200);
        assertThat(all.texts()).isEqualTo(200);
        assertThat(all.promptTokens()).isEqualTo(280);
        assertThat(all.gap().getTotalCount()).isEqualTo(160);
        assertThat(all.firstToken().getTotalCount()).isEqualTo(40);
        assertThat(measured.classes()).extracting(GroupStats.Snapshot::name).containsExactly("standard");
        assertThat(measured.tenants()).extracting(GroupStats.Snapshot::name).containsExactly("acme");
    }

    @Test
    void anOpenLoopSendsEveryRequestAtItsMomentWhateverHappens() throws IOException {
        try (var server = new FakeServer(_ -> FakeServer.tokens(2));
                var pool = new ConnectionPool(server.target(), LONG)) {
            var stats = new LoadStats(Duration.ZERO);
            Asks asks = Asks.open(1, KEYS, new ArrivalGaps(2000, 1), new Lengths(3, 9), new Lengths(2, 2), 50);
            new LoadRun(client(server, pool, Patience.NONE), asks, stats, LONG).runOpen();
            assertThat(stats.snapshot().all().answered()).isEqualTo(50);
            assertThat(stats.snapshot().lag().getTotalCount()).isEqualTo(50);
            assertThat(server.asked()).hasSize(50);
            assertThat(pool.openedCount()).isLessThanOrEqualTo(50); // connections are used again
        }
    }

    @Test
    void requestsAreWhatAnOpenAiClientWouldSend() throws IOException, InterruptedException {
        try (var server = new FakeServer(_ -> FakeServer.tokens(1));
                var pool = new ConnectionPool(server.target(), LONG)) {
            var ask = new Ask(0, 0, KEY, 3, 17, PromptText.unique(1, 3));
            ask(pool, new RequestWriter(server.target(), Endpoint.CHAT, "m\"1", true), ask, Patience.NONE, 0);
            ask(pool, new RequestWriter(server.target(), Endpoint.COMPLETIONS, "m", false), ask, Patience.NONE, 0);
            FakeServer.Asked chat = server.asked().getFirst();
            assertThat(chat.path()).isEqualTo("/v1/chat/completions");
            assertThat(chat.authorization()).isEqualTo("Bearer secret-1");
            assertThat(chat.body())
                    .startsWith("{\"model\":\"m\\\"1\",\"messages\":[{\"role\":\"user\",\"content\":\"")
                    .contains("\"max_tokens\":17", "\"ignore_eos\":true", "\"stream\":true", "include_usage");
            FakeServer.Asked completion = server.asked().getLast();
            assertThat(completion.path()).isEqualTo("/v1/completions");
            assertThat(completion.body()).contains("\"prompt\":\"").doesNotContain("ignore_eos");
        }
    }

    @Test
    void refusalsAreCountedByStatusAndCode() throws IOException {
        LoadStats.Snapshot measured = closed(
                number -> switch (number % 4) {
                    case 0 -> FakeServer.refusal(429, "rate_limit_exceeded", "Retry-After: 1");
                    case 1 -> FakeServer.refusal(503, "no_capacity");
                    default -> FakeServer.tokens(1);
                },
                Patience.NONE,
                40);
        assertThat(measured.all().refusals())
                .containsEntry("429 rate_limit_exceeded", 10)
                .containsEntry("503 no_capacity", 10);
        assertThat(measured.all().answered()).isEqualTo(20);
        assertThat(measured.attempts()).isEqualTo(40);
    }

    @Test
    void obedientClientsComeBackWhenTheServerSaysSoAndNotOtherwise() throws IOException {
        var obeying = new Patience(true, LONG);
        LoadStats.Snapshot measured = closed(
                number -> number % 2 == 0
                        ? FakeServer.refusal(503, "busy", "retry-after-ms: 1", "Retry-After: 9")
                        : FakeServer.tokens(1),
                obeying,
                10);
        assertThat(measured.all().refused()).isLessThan(10);
        assertThat(measured.attempts()).isGreaterThan(10);
        LoadStats.Snapshot untold = closed(_ -> FakeServer.refusal(503, "busy"), obeying, 10);
        assertThat(untold.attempts()).isEqualTo(10);
        LoadStats.Snapshot tooLong = closed(_ -> FakeServer.refusal(503, "busy", "Retry-After: 9000"), obeying, 10);
        assertThat(tooLong.attempts()).isEqualTo(10);
    }

    @Test
    void brokenAnswersAreFailuresNotAnswers() throws IOException {
        FakeServer.Answer.Stream whole = (FakeServer.Answer.Stream) FakeServer.tokens(3);
        List<FakeServer.Answer> broken = List.of(
                new FakeServer.Answer.Cut(whole.events().subList(0, 3)),
                new FakeServer.Answer.Stream(whole.events().subList(0, 3)),
                new FakeServer.Answer.Stream(List.of("data: {\"error\":{\"code\":\"engine_stopped\"}}\n\n")),
                new FakeServer.Answer.Plain(200, List.of("Content-Type: application/json"), "{}"),
                new FakeServer.Answer.Stream(List.of("data: [DONE]\n\n")));
        LoadStats.Snapshot measured = closed(broken::get, Patience.NONE, broken.size());
        assertThat(measured.all().answered()).isZero();
        assertThat(measured.all().failures())
                .containsOnly(
                        Map.entry("connection broken", 1),
                        Map.entry("stream ended in the middle", 1),
                        Map.entry("error event: engine_stopped", 1),
                        Map.entry("no event stream", 1),
                        Map.entry("no text", 1));
    }

    @Test
    void aServerThatIsNotThereIsAFailureOfEachRequest() throws IOException {
        Target gone;
        try (var server = new FakeServer(_ -> FakeServer.tokens(1))) {
            gone = server.target();
        }
        try (var pool = new ConnectionPool(gone, LONG)) {
            var stats = new LoadStats(Duration.ZERO);
            var writer = new RequestWriter(gone, Endpoint.CHAT, "m", false);
            var client = new LoadClient(pool, writer, Patience.NONE, new LongAdder());
            new LoadRun(client, asks(3), stats, LONG).runClosed(1);
            assertThat(stats.snapshot().all().failures()).containsEntry("no connection", 3);
        }
    }

    @Test
    void timesCountFromTheMomentAtWhichARequestWasMeantToBeSent() throws IOException, InterruptedException {
        try (var server = new FakeServer(_ -> FakeServer.tokens(3));
                var pool = new ConnectionPool(server.target(), LONG)) {
            var writer = new RequestWriter(server.target(), Endpoint.CHAT, "m", false);
            var ask = new Ask(0, 0, KEY, 3, 3, PromptText.unique(1, 3));
            long lateNs = Duration.ofSeconds(100).toNanos();
            Result result = ask(pool, writer, ask, Patience.NONE, lateNs);
            assertThat(result.timing().orElseThrow().firstTokenNs()).isGreaterThanOrEqualTo(lateNs);
            assertThat(result.lagNs()).isGreaterThanOrEqualTo(lateNs);
        }
    }

    @Test
    void anAnswerThatBreaksItsPromiseIsNoGoodput() throws IOException {
        var strict = new Keyring(List.of(new Key("acme", "", "standard", IMPOSSIBLE)), 1);
        try (var server = new FakeServer(_ -> FakeServer.tokens(1));
                var pool = new ConnectionPool(server.target(), LONG)) {
            var stats = new LoadStats(Duration.ZERO);
            Asks asks = Asks.closed(1, strict, new Lengths(3, 9), new Lengths(2, 2), 5);
            new LoadRun(client(server, pool, Patience.NONE), asks, stats, LONG).runClosed(1);
            assertThat(stats.snapshot().all().answered()).isEqualTo(5);
            assertThat(stats.snapshot().all().good()).isZero();
            assertThat(server.asked()).allMatch(asked -> asked.authorization().isEmpty());
        }
    }

    @Test
    void aConnectionThatTheServerGaveUpIsNotTheRequestsFault() throws IOException, InterruptedException {
        try (var server = new FakeServer(_ -> FakeServer.tokens(1));
                var pool = new ConnectionPool(server.target(), LONG)) {
            var writer = new RequestWriter(server.target(), Endpoint.CHAT, "m", false);
            var ask = new Ask(0, 0, KEY, 3, 3, PromptText.unique(1, 3));
            ask(pool, writer, ask, Patience.NONE, 0);
            HttpConnection idle = pool.take();
            idle.close();
            pool.giveBack(idle);
            assertThat(ask(pool, writer, ask, Patience.NONE, 0).last()).isInstanceOf(Attempt.Answered.class);
        }
    }

    private static LoadStats.Snapshot closed(IntFunction<FakeServer.Answer> script, Patience patience, int requests)
            throws IOException {
        try (var server = new FakeServer(script);
                var pool = new ConnectionPool(server.target(), LONG)) {
            var stats = new LoadStats(Duration.ZERO);
            new LoadRun(client(server, pool, patience), asks(requests), stats, LONG).runClosed(1);
            return stats.snapshot();
        }
    }

    private static LoadClient client(FakeServer server, ConnectionPool pool, Patience patience) {
        var writer = new RequestWriter(server.target(), Endpoint.CHAT, "m", false);
        return new LoadClient(pool, writer, patience, new LongAdder());
    }

    private static Asks asks(int requests) {
        return Asks.closed(1, KEYS, new Lengths(3, 9), new Lengths(2, 2), requests);
    }

    private static Result ask(ConnectionPool pool, RequestWriter writer, Ask ask, Patience patience, long lateNs)
            throws InterruptedException {
        return new LoadClient(pool, writer, patience, new LongAdder()).ask(ask, System.nanoTime() - lateNs);
    }
}
