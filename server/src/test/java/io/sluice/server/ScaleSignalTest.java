package io.sluice.server;

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

/// The signals for scaling of a running server, whose steps take what the test says.
@Timeout(300)
class ScaleSignalTest {
    private static final long STEP_NS = 20_000_000;
    private static final int SEATS = 4;

    /// Ten tokens, so ten steps: a fifth of a second, and twenty of them a second are all that can be done.
    private static final String TEN_TOKENS = prompting("x".repeat(20)) + ",\"max_tokens\":10";

    private static final double TARGET_S = 10;

    private final AtomicLong nowNs = new AtomicLong(STEP_NS);
    private final List<CompletableFuture<HttpResponse<String>>> answers = new ArrayList<>();
    private double due;

    @Test
    void on_a_step_load_the_signal_crosses_one_before_anybody_is_refused_or_waits_too_long(@TempDir Path folder)
            throws Exception {
        Path config = Files.writeString(folder.resolve("sluice.yaml"), "policy: {classes: {standard: {ttft: 10s}}}\n");
        Options options = Options.usual()
                .withSequencesMax(SEATS)
                .withWaitingMax(1000)
                .withClock(nowNs::get)
                .withSource(new SettingsSource(Map.of(), Optional.of(new ConfigText.FromFile(config)), Map.of()));
        try (TestServer server = TestServer.start(options)) {
            server.gate.close();
            for (int tick = 0; tick < 400; tick++) tick(server, 0.1);
            assertThat(server.total("sluice_saturation_ratio")).isLessThan(0.8);
            assertThat(server.total("sluice_replicas_wanted")).isLessThan(1.2);
            double headroom = server.total("sluice_headroom_tokens_per_second");
            assertThat(headroom).isBetween(20.0, 200.0); // 4 of 50 a second, less what is done
            int crossed = -1;
            int broken = -1;
            for (int tick = 0; broken < 0 && tick < 6000; tick++) {
                tick(server, 1.6); // four times what can be done
                if (crossed < 0 && server.engine.outlook().saturation() > 1) crossed = tick;
                if (tick % 50 == 0 && isBroken(server)) broken = tick;
            }
            assertThat(broken).as("the load was too much").isPositive();
            assertThat(crossed).isNotNegative().isLessThan(broken);
            assertThat(server.total("sluice_saturation_ratio")).isGreaterThan(1);
            assertThat(server.total("sluice_replicas_wanted")).isGreaterThan(2);
            assertThat(server.total("sluice_headroom_tokens_per_second")).isZero();
            assertThat(server.total("sluice_class_predicted_wait_seconds")).isPositive();
            server.gate.open();
            for (var answer : answers) answer.get();
            TestServer.await("all to be over", () -> server.engine.stats().running() == 0);
            nowNs.addAndGet(60_000_000_000L);
            assertThat(server.total("sluice_saturation_ratio")).isLessThan(0.1);
        }
    }

    private static boolean isBroken(TestServer server) {
        return server.total("sluice_requests_refused_total") > 0
                || server.tenancy.intake().log().live().stream()
                        .flatMap(record -> record.parts().stream())
                        .anyMatch(part -> part.startedNs() - part.admittedNs() > TARGET_S * 1e9);
    }

    /// A step's time passes, in which so many requests come.
    private void tick(TestServer server, double requests) throws Exception {
        for (due += requests; due >= 1; due--) {
            answers.add(new KeyedClient(server, "").completeAsync(TEN_TOKENS));
        }
        int sent = answers.size();
        TestServer.await("them to be decided about", () -> decided(server) == sent);
        boolean hasWork =
                server.engine.stats().running() > 0 || server.engine.stats().waiting() > 0;
        long steps = server.engine.stats().work().steps();
        nowNs.addAndGet(STEP_NS);
        if (!hasWork && server.service.open().count() == 0) return;
        server.gate.allow(1);
        TestServer.await(
                "the step",
                () -> server.engine.stats().work().steps() > steps
                        || server.service.open().count() == 0);
    }

    private static double decided(TestServer server) {
        return server.total("sluice_requests_admitted_total") + server.total("sluice_requests_refused_total");
    }
}
