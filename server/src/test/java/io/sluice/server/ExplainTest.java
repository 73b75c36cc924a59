package io.sluice.server;

import static io.sluice.server.TestServer.at;
import static io.sluice.server.TestServer.list;
import static org.assertj.core.api.Assertions.assertThat;

import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// What operators are told of a request is what happened to it: one that is parked, one that waits, one that is
/// refused.
@Timeout(240)
class ExplainTest {
    private static final int BLOCK = 16;
    private static final long SECOND = 1_000_000_000L;

    /// Moves only when the test says so.
    private final AtomicLong nowNs = new AtomicLong(SECOND);

    @Test
    void the_parked_the_waiting_and_the_refused_are_told_as_they_were(@TempDir Path folder) throws Exception {
        Tenants tenants = new Tenants(folder);
        String bulk = tenants.key("bulk");
        String people = tenants.key("people");
        KeyedClient operator;
        tenants.policy("{tenants: {bulk: {class: batch}, people: {class: interactive}},"
                + " classes: {interactive: {max-waiting: 2, ttft: 1h}}}");
        String admin = tenants.adminKey();
        try (TestServer server = TestServer.start(TestServer.Options.usual()
                .withSource(tenants.source())
                .withClock(nowNs::get)
                .withBlockCount(20)
                .withHostBlocks(20)
                .withSequencesMax(2))) {
            operator = new KeyedClient(server, admin);
            server.gate.close();
            // Twelve blocks at its longest.
            var parked = ask(server, bulk, "parked", 2 * BLOCK, 10 * BLOCK);
            stepUntil(server, () -> server.engine.stats().work().sampledTokens() >= 12);
            nowNs.addAndGet(SECOND);
            // Twelve blocks too: one of them fits beside nobody.
            var first = ask(server, people, "first", 2 * BLOCK, 10 * BLOCK);
            stepUntil(server, () -> server.engine.stats().parked() == 1);
            nowNs.addAndGet(SECOND);
            var second = ask(server, people, "second", 2 * BLOCK, 10 * BLOCK);
            nowNs.addAndGet(SECOND);
            var third = ask(server, people, "third", 2 * BLOCK, 10 * BLOCK);
            HttpResponse<String> refused =
                    ask(server, people, "refused", 2 * BLOCK, 10 * BLOCK).get();
            assertThat(refused.statusCode()).isEqualTo(503);

            Map<String, Object> waiting = operator.adminJson("/admin/requests/third");
            assertThat(waiting).containsEntry("state", "waiting");
            assertThat(at(waiting, "prompts.0.started_ms")).isNull();
            assertThat(at(waiting, "prompts.0.forecast_at_admission.requests_ahead"))
                    .isEqualTo(1L);
            assertThat(at(waiting, "queue.waiting_at_its_admission.count")).isEqualTo(1L);
            assertThat(at(waiting, "queue.waiting_at_its_admission.first.0.id")).isEqualTo("second");
            assertThat(at(waiting, "queue.started_while_it_waited.count")).isEqualTo(0L);

            nowNs.addAndGet(SECOND);
            server.gate.open();
            for (var answer : List.of(parked, first, second, third)) {
                assertThat(answer.get().statusCode()).as(answer.get().body()).isEqualTo(200);
            }
            parkedOnce(operator.adminJson("/admin/requests/parked"));
            waitedFor(operator.adminJson("/admin/requests/third"));
            Map<String, Object> told = operator.adminJson("/admin/requests/refused");
            assertThat(told).containsEntry("state", "refused").containsEntry("tenant", "people");
            assertThat(at(told, "decision.code")).isEqualTo("queue_full");
            assertThat(at(told, "decision.status")).isEqualTo(503L);
            assertThat((String) at(told, "decision.message")).contains("2 requests of class interactive");
            assertThat(at(told, "tokenised_ms")).isNotNull();
            TestServer.await("the refusal to be sent", () -> server.total("sluice_refusal_seconds_count") == 1);
            assertThat(at(operator.adminJson("/admin/requests/refused"), "decision.sent_ms"))
                    .isNotNull();
        }
    }

    /// It was admitted at 1 s, parked after 2 s, and no token of it was computed twice.
    private static void parkedOnce(Map<String, Object> record) {
        assertThat(record).containsEntry("class", "batch").containsEntry("state", "over");
        assertThat(at(record, "prompts.0.parks")).isEqualTo(1L);
        assertThat(at(record, "prompts.0.preemptions")).isEqualTo(0L);
        assertThat(at(record, "prompts.0.computed_tokens")).isEqualTo(12L * BLOCK - 1);
        assertThat(at(record, "prompts.0.forecast_at_admission.reserved_tokens"))
                .isEqualTo(12L * BLOCK);
        assertThat(number(at(record, "prompts.0.happened_since_admission.wait_ms")))
                .isZero();
        assertThat(number(at(record, "ended_ms"))).isEqualTo(4000);
        assertThat(at(record, "queue.waiting_at_its_admission.count")).isEqualTo(0L);
    }

    private static void waitedFor(Map<String, Object> record) {
        assertThat(number(at(record, "prompts.0.started_ms"))).isEqualTo(1000);
        assertThat(number(at(record, "prompts.0.happened_since_admission.wait_ms")))
                .isEqualTo(1000);
        assertThat(at(record, "prompts.0.parks")).isEqualTo(0L);
        assertThat(list(record, "queue.started_while_it_waited.first")).hasSizeLessThanOrEqualTo(1);
    }

    /// Answers that are repetitions of the prompt, without an end.
    private static CompletableFuture<HttpResponse<String>> ask(
            TestServer server, String key, String id, int promptTokens, int outputTokens) throws Exception {
        long before = decided(server);
        var answer = new KeyedClient(server, key)
                .completeAsync(
                        "\"prompt\":\"" + id + "x".repeat(promptTokens - id.length()) + "\",\"max_tokens\":"
                                + outputTokens,
                        "x-request-id",
                        id);
        TestServer.await(id + " to be decided", () -> decided(server) > before);
        return answer;
    }

    private static long decided(TestServer server) {
        return (long) (server.total("sluice_requests_admitted_total") + server.total("sluice_requests_refused_total"));
    }

    private static void stepUntil(TestServer server, BooleanSupplier holds) throws Exception {
        TestServer.await("as many steps as it takes", () -> {
            if (holds.getAsBoolean()) return true;
            server.gate.allow(1);
            return false;
        });
    }

    private static double number(@Nullable Object value) {
        return value instanceof Number number ? number.doubleValue() : Double.NaN;
    }
}
