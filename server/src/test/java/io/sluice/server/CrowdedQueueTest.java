package io.sluice.server;

import static io.sluice.server.TestServer.at;
import static io.sluice.server.TestServer.json;
import static io.sluice.server.TestServer.prompting;
import static org.assertj.core.api.Assertions.assertThat;

import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// However many requests one tenant sends, there are places in the queue for the others.
class CrowdedQueueTest {
    private static final int WAITING_MAX = 50;
    private static final int OF_ONE = 40;

    @Test
    void a_tenant_that_fills_the_queue_keeps_nobody_else_out(@TempDir Path folder) throws Exception {
        Tenants tenants = new Tenants(folder);
        String flood = tenants.key("flood");
        String light = tenants.key("light");
        tenants.policy("{tenants: {flood: {class: batch}, light: {class: interactive}}}");
        try (TestServer server = TestServer.start(TestServer.Options.usual()
                .withSource(tenants.source())
                .withSequencesMax(1)
                .withWaitingMax(WAITING_MAX))) {
            server.gate.close();
            List<CompletableFuture<HttpResponse<String>>> floods = new ArrayList<>();
            // One more than may wait will run.
            for (int i = 0; i < WAITING_MAX + 10; i++) {
                floods.add(new KeyedClient(server, flood).completeAsync(prompting("x")));
                int sent = i + 1;
                TestServer.await("it to be decided", () -> admitted(server) + refused(server) == sent);
            }
            assertThat(admitted(server)).isBetween((double) OF_ONE, OF_ONE + 1.0);
            var fromOthers = new KeyedClient(server, light).completeAsync(prompting("welcome"));
            TestServer.await("the light tenant to be admitted", () -> admitted(server) >= OF_ONE + 1);
            server.gate.open();
            assertThat(fromOthers.get().statusCode())
                    .as(fromOthers.get().body())
                    .isEqualTo(200);
            int refusals = 0;
            for (var answer : floods) {
                if (answer.get().statusCode() == 200) continue;
                refusals++;
                assertThat(answer.get().statusCode()).isEqualTo(503);
                assertThat(at(json(answer.get().body()), "error.code")).isEqualTo("queue_full");
                assertThat((String) at(json(answer.get().body()), "error.message"))
                        .contains("requests of tenant flood are waiting already", "max-waiting-requests");
                assertThat(KeyedClient.header(answer.get(), "retry-after")).isPositive();
            }
            assertThat(refusals).isBetween(WAITING_MAX + 10 - OF_ONE - 1, WAITING_MAX + 10 - OF_ONE);
        }
    }

    private static double admitted(TestServer server) {
        return server.total("sluice_requests_admitted_total");
    }

    private static double refused(TestServer server) {
        return server.total("sluice_requests_refused_total");
    }
}
