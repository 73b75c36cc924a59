package io.sluice.server;

import static io.sluice.server.TestServer.at;
import static io.sluice.server.TestServer.json;
import static io.sluice.server.TestServer.prompting;
import static org.assertj.core.api.Assertions.assertThat;

import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// Clocks that jump: what goes by the clock on the wall and what does not, and that the engine's may jump too.
@Timeout(240)
class ClockJumpTest {
    private static final long HOUR_NS = Duration.ofHours(1).toNanos();

    @TempDir
    @SuppressWarnings("NullAway.Init") // JUnit sets it
    Path folder;

    @SuppressWarnings("NullAway.Init") // made before each test
    private Tenants tenants;

    @SuppressWarnings("NullAway.Init") // made before each test
    private String acme;

    @SuppressWarnings("NullAway.Init") // made before each test
    private String admin;

    private final AtomicLong nowNs = new AtomicLong(HOUR_NS);

    @BeforeEach
    void makeTheFiles() {
        tenants = new Tenants(folder);
        acme = tenants.key("acme");
        admin = tenants.adminKey();
    }

    @Test
    void keys_expire_by_the_wall_clock_which_ends_nothing_that_runs() throws Exception {
        String brief = tenants.key("acme", Instant.now().plus(Duration.ofDays(1)));
        try (TestServer server = tenants.start()) {
            server.gate.close();
            var running = new KeyedClient(server, brief).completeAsync(prompting("goes on"));
            TestServer.await("it to be admitted", () -> server.total("sluice_requests_admitted_total") == 1);
            server.wallClockAhead = Duration.ofDays(2);
            HttpResponse<String> late = new KeyedClient(server, brief).complete(prompting("x"));
            assertThat(late.statusCode()).isEqualTo(401);
            assertThat(late.body()).contains("expired");
            server.gate.open();
            assertThat(running.get().statusCode()).as(running.get().body()).isEqualTo(200);
            // Set right again, it is accepted again; and so is one that never expires, whenever it is.
            server.wallClockAhead = Duration.ofDays(-400);
            assertThat(new KeyedClient(server, brief).complete(prompting("x")).statusCode())
                    .isEqualTo(200);
            for (long days : new long[] {-400, 0, 40_000}) {
                server.wallClockAhead = Duration.ofDays(days);
                assertThat(new KeyedClient(server, acme)
                                .complete(prompting("x"))
                                .statusCode())
                        .isEqualTo(200);
            }
        }
    }

    @Test
    void quotas_deadlines_and_answers_do_not_go_by_the_wall_clock() throws Exception {
        tenants.policy("{tenants: {acme: {requests-per-minute: 2, deadline: 1h}}}");
        try (TestServer server = tenants.start()) {
            KeyedClient client = new KeyedClient(server, acme);
            server.gate.close();
            var running = client.completeAsync(prompting("goes on"));
            TestServer.await("it to be admitted", () -> server.total("sluice_requests_admitted_total") == 1);
            server.wallClockAhead = Duration.ofDays(2);
            server.gate.open();
            assertThat(running.get().statusCode()).as(running.get().body()).isEqualTo(200);
            assertThat(client.complete(prompting("x")).statusCode()).isEqualTo(200);
            assertThat(client.complete(prompting("x")).statusCode()).isEqualTo(429);
            // A bucket's own clock may be set back: nothing is made of that and nothing lost.
            server.quotaClock.addAndGet(-HOUR_NS);
            assertThat(client.complete(prompting("x")).statusCode()).isEqualTo(429);
            server.quotaClock.addAndGet(Duration.ofSeconds(30).toNanos());
            assertThat(client.complete(prompting("x")).statusCode()).isEqualTo(200);
            // Nor is more made of a jump than one bucket holds.
            server.quotaClock.addAndGet(1000 * HOUR_NS);
            assertThat(client.complete(prompting("x")).statusCode()).isEqualTo(200);
            assertThat(client.complete(prompting("x")).statusCode()).isEqualTo(200);
            assertThat(client.complete(prompting("x")).statusCode()).isEqualTo(429);
        }
    }

    @Test
    void when_the_engines_clock_jumps_ahead_deadlines_have_passed_and_nothing_else_ends() throws Exception {
        try (TestServer server = start()) {
            KeyedClient client = new KeyedClient(server, acme);
            server.gate.close();
            var hurried = client.completeAsync(prompting("never complete"), "x-sluice-deadline-ms", "60000");
            var patient = client.completeAsync(prompting("whole"), "x-request-id", "patient");
            TestServer.await("both to be admitted", () -> server.total("sluice_requests_admitted_total") == 2);
            server.gate.allow(2);
            TestServer.await("the steps", () -> server.engine.stats().work().steps() == 2);
            nowNs.addAndGet(HOUR_NS);
            server.gate.open();
            assertThat(hurried.get().statusCode()).as(hurried.get().body()).isEqualTo(408);
            assertThat(patient.get().body()).contains("whole");
            afterwards(server, client);
        }
    }

    @Test
    void when_the_engines_clock_is_set_back_everything_goes_on() throws Exception {
        try (TestServer server = start()) {
            KeyedClient client = new KeyedClient(server, acme);
            server.gate.close();
            var running = client.completeAsync(
                    prompting("whole"), "x-request-id", "patient", "x-sluice-deadline-ms", "60000");
            TestServer.await("it to be admitted", () -> server.total("sluice_requests_admitted_total") == 1);
            server.gate.allow(2);
            TestServer.await("the steps", () -> server.engine.stats().work().steps() == 2);
            nowNs.addAndGet(-HOUR_NS / 2);
            server.gate.open();
            assertThat(running.get().body()).contains("whole");
            afterwards(server, client);
        }
    }

    /// Requests are taken as before, with deadlines too.
    private void afterwards(TestServer server, KeyedClient client) throws Exception {
        for (int i = 0; i < 5; i++) {
            HttpResponse<String> next = client.complete(prompting("and the next"));
            assertThat(next.statusCode()).as(next.body()).isEqualTo(200);
        }
        HttpResponse<String> inTime = client.complete(prompting("in time"), "x-sluice-deadline-ms", "60000");
        assertThat(inTime.statusCode()).as(inTime.body()).isEqualTo(200);
        Map<String, Object> record = new KeyedClient(server, admin).adminJson("/admin/requests/patient");
        assertThat(record).containsEntry("state", "over");
        assertThat(server.engine.isAlive()).isTrue();
        assertThat(at(json(server.get("/livez").body()), "status")).isEqualTo("ok");
        TestServer.await(
                "all blocks to be free", () -> server.engine.stats().blocks().used() == 0);
    }

    private TestServer start() {
        return TestServer.start(
                TestServer.Options.usual().withSource(tenants.source()).withClock(nowNs::get));
    }
}
