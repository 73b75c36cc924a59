package io.sluice.server;

import static io.sluice.server.TestServer.at;
import static io.sluice.server.TestServer.json;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.withinPercentage;

import io.sluice.server.CommandLineTest.Outcome;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.YearMonth;
import java.time.ZoneOffset;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// What a running server's audit log holds, as its commands read it.
@Timeout(300)
class AuditTest {
    private static final String SECRET_WORD = "Rumpelstiltskin";
    private static final String TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
    private static final String PROMPT = "{\"prompt\":\"" + SECRET_WORD + " lives here; his number is 555-1234\","
            + "\"max_tokens\":5,\"temperature\":0.5,\"seed\":7,\"user\":\"caller 555-1234\"}";

    @TempDir
    @SuppressWarnings("NullAway.Init") // JUnit sets it
    Path folder;

    @SuppressWarnings("NullAway.Init") // made before each test
    private Tenants tenants;

    @SuppressWarnings("NullAway.Init") // made before each test
    private String acme;

    @SuppressWarnings("NullAway.Init") // made before each test
    private Path audit;

    @SuppressWarnings("NullAway.Init") // made before each test
    private Path keyFile;

    @BeforeEach
    void makeTheFiles() throws Exception {
        tenants = new Tenants(folder);
        acme = tenants.key("acme");
        audit = folder.resolve("audit");
        keyFile = Files.writeString(folder.resolve("audit.key"), "k".repeat(64));
    }

    @Test
    void each_request_has_one_line_that_says_who_what_and_why() throws Exception {
        String admin = tenants.adminKey();
        try (RealServer server = start("encrypted")) {
            HttpResponse<String> answer = server.ask(
                            acme,
                            PROMPT,
                            "x-request-id",
                            "the-one",
                            "traceparent",
                            "00-" + TRACE + "-00f067aa0ba902b7-01")
                    .get();
            assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
            assertThat(server.ask(acme, "{\"prompt\":\"x\",\"max_tokens\":100000}")
                            .get()
                            .statusCode())
                    .isEqualTo(400);
            tenants.policy("{tenants: {acme: {weight: 3}}}");
            server.reload();
            TestServer.await("the lines to be written", () -> server.metric(admin, "sluice_audit_lines_total") >= 4);
            assertThat(server.metric(admin, "sluice_audit_lost_total")).isZero();
        }
        String text = log();
        List<Map<String, Object>> lines = text.lines().map(TestServer::json).toList();
        assertThat(lines)
                .extracting(line -> line.get("kind"))
                .containsExactly("start", "request", "request", "policy", "stop");
        Map<String, Object> request = lines.get(1);
        assertThat(request)
                .containsEntry("id", "the-one")
                .containsEntry("tenant", "acme")
                .containsEntry("key", Tenants.idOf(acme))
                .containsEntry("class", "standard")
                .containsEntry("model", "sluice-demo")
                .containsEntry("trace_id", TRACE)
                .containsEntry("user", "caller [redacted]")
                .containsEntry("state", "over");
        assertThat(String.valueOf(request.get("weights")))
                .matches("[0-9a-f]{64}")
                .isEqualTo(lines.getFirst().get("weights"));
        assertThat(at(request, "prompts.0.sampling.temperature")).isEqualTo(0.5);
        assertThat(at(request, "prompts.0.sampling.seed")).isEqualTo(7L);
        assertThat(at(request, "prompts.0.output_tokens_max")).isEqualTo(5L);
        assertThat(TestServer.count(request, "usage.completion_tokens")).isBetween(1L, 5L);
        assertThat(at(request, "decision.admitted")).isEqualTo(true);
        assertThat(lines.get(2)).containsEntry("state", "refused");
        assertThat(at(lines.get(2), "decision.status")).isEqualTo(400L);
        assertThat(String.valueOf(lines.get(3).get("changes"))).contains("policy.tenants.acme");
        assertThat(text).doesNotContain(SECRET_WORD, "555-1234", acme);

        assertThat(run("verify").err()).contains("intact: 5 lines");
        Outcome shown = run("show", "the-one");
        assertThat(shown.exitCode()).as(shown.err()).isZero();
        assertThat(shown.out()).contains("prompt: ", SECRET_WORD + " lives here; his number is [redacted]", "output: ");
        Outcome missing = run("show", "another");
        assertThat(missing.exitCode()).isEqualTo(1);
        assertThat(missing.err()).contains("no request another");
    }

    @Test
    void a_changed_log_is_found_and_nobody_is_charged_by_it() throws Exception {
        try (RealServer server = start("hash")) {
            for (int i = 0; i < 3; i++) server.ask(acme, PROMPT).get();
        }
        assertThat(run("verify").exitCode()).isZero();
        List<String> equal = log().lines()
                .filter(line -> line.contains("\"kind\":\"request\""))
                .map(line -> String.valueOf(json(line).get("prompt_hashes")))
                .distinct()
                .toList();
        assertThat(equal).as("equal prompts have equal hashes").hasSize(1);
        assertThat(equal.getFirst()).matches("\\[[0-9a-f]{64}]");
        Path file = file();
        Files.writeString(file, Files.readString(file).replace("\"completion_tokens\":", "\"completion_tokens\":9"));
        Outcome verified = run("verify");
        assertThat(verified.exitCode()).isEqualTo(1);
        assertThat(verified.err()).contains("not intact", "audit-000000000001.jsonl:2");
        Outcome usage = usage();
        assertThat(usage.exitCode()).isEqualTo(1);
        assertThat(usage.out()).isEmpty();
    }

    @Test
    void a_months_usage_per_tenant_is_the_sum_of_its_requests() throws Exception {
        tenants.policy("{prices: {currency: EUR, per-million-prompt-tokens: 100, per-million-output-tokens: 1000}}");
        String other = tenants.key("second@corp");
        double charged = 0;
        Map<String, Long> tokens = new HashMap<>();
        try (RealServer server = start("none")) {
            for (String key : List.of(acme, acme, other)) {
                Map<String, Object> answer = json(server.ask(key, PROMPT).get().body());
                if (at(answer, "usage.sluice.cost") instanceof Number cost && key.equals(acme))
                    charged += cost.doubleValue();
                tokens.merge(key, TestServer.count(answer, "usage.completion_tokens"), Long::sum);
            }
            server.ask(acme, "{\"prompt\":\"x\",\"max_tokens\":100000}").get();
        }
        Outcome usage = usage();
        assertThat(usage.exitCode()).as(usage.err()).isZero();
        List<String> rows = usage.out().lines().toList();
        assertThat(rows).hasSize(4);
        String month = YearMonth.now(ZoneOffset.UTC).toString();
        String[] priced = row(rows, month + ",acme,sluice-demo,2,0,");
        assertThat(priced[7]).isEqualTo(Long.toString(tokens.getOrDefault(acme, 0L)));
        assertThat(Double.parseDouble(priced[8])).isPositive();
        assertThat(Double.parseDouble(priced[10])).isCloseTo(charged, withinPercentage(1));
        assertThat(priced[11]).isEqualTo("EUR");
        row(rows, month + ",acme,sluice-demo,1,1,0,0,0,"); // what was refused has no price
        row(rows, month + ",second@corp,sluice-demo,1,0,");
        assertThat(usage("--month", "2001-01").out().lines()).hasSize(1);
        Outcome nonsense = usage("--month", "soon");
        assertThat(nonsense.exitCode()).isEqualTo(2);
        assertThat(nonsense.err()).contains("2026-11");
    }

    private static String[] row(List<String> rows, String beginning) {
        return rows.stream()
                .filter(row -> row.startsWith(beginning))
                .findFirst()
                .orElseThrow(() -> new AssertionError("no row " + beginning + " in " + rows))
                .split(",", -1);
    }

    @Test
    void what_cannot_be_kept_is_said_at_the_start() {
        Outcome noKey = CommandLineTest.run("serve", "--audit-dir", audit.toString(), "--audit-content", "encrypted");
        assertThat(noKey.exitCode()).isEqualTo(2);
        assertThat(noKey.err()).contains("--audit-content", "--audit-key-file");
        Outcome badRegex = CommandLineTest.run("serve", "--audit-redact", "(");
        assertThat(badRegex.exitCode()).isEqualTo(2);
        assertThat(badRegex.err()).contains("--audit-redact", "regular expression");
        Outcome nothingThere = CommandLineTest.run("audit", "verify", folder.toString());
        assertThat(nothingThere.exitCode()).isEqualTo(1);
        assertThat(nothingThere.err()).contains("no audit log");
    }

    private RealServer start(String content) {
        return RealServer.start(
                tenants,
                folder,
                "audit-dir",
                audit.toString(),
                "audit-key-file",
                keyFile.toString(),
                "audit-content",
                content,
                "audit-redact",
                "\\d{3}-\\d{4}");
    }

    private Outcome run(String command, String... more) {
        return CommandLineTest.run(Stream.concat(
                        Stream.of("audit", command, audit.toString()),
                        Stream.concat(Stream.of(more), Stream.of("--audit-key-file", keyFile.toString())))
                .toArray(String[]::new));
    }

    private Outcome usage(String... more) {
        return CommandLineTest.run(Stream.concat(
                        Stream.of("usage", audit.toString(), "--audit-key-file", keyFile.toString()), Stream.of(more))
                .toArray(String[]::new));
    }

    private String log() throws Exception {
        return Files.readString(file());
    }

    private Path file() {
        return audit.resolve("audit-000000000001.jsonl");
    }
}
