package io.sluice.server;

import static io.sluice.server.TestServer.at;
import static io.sluice.server.TestServer.json;
import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.server.MeddledRunner.Fault;
import io.sluice.server.MeddledRunner.Meddler;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// The server as it is with `--device cuda:0,1`, but that both engines compute the demo model on the CPU, in float32,
/// one sequence at a time. Which GPU a runner is for is not shown here.
@Timeout(600)
class SeveralEnginesTest {
    @TempDir
    @SuppressWarnings("NullAway.Init") // JUnit sets it
    Path folder;

    @Test
    void both_serve_at_once_and_say_what_one_alone_says() throws Exception {
        String first;
        String second;
        double blocksOfOne;
        try (RealServer one = start(1)) {
            first = text(one.ask("", request(1)).get());
            second = text(one.ask("", request(2)).get());
            blocksOfOne = one.metric("", "sluice_kv_blocks{");
        }
        try (RealServer both = start(2)) {
            both.meddler.hold();
            var answers = askTwo(both, request(1), request(2));
            TestServer.await("a step of each to be under way", () -> both.meddler.heldCount() == 2);
            both.meddler.letGo();
            assertThat(text(answers.getFirst().get())).isEqualTo(first);
            assertThat(text(answers.getLast().get())).isEqualTo(second);
            assertThat(both.metric("", "sluice_kv_blocks{")).isEqualTo(2 * blocksOfOne);
            TestServer.await("all blocks to be free", () -> both.metric("", "sluice_kv_blocks_used") == 0);
        }
    }

    @Test
    void a_device_that_is_lost_takes_its_request_with_it_and_the_other_serves_on() throws Exception {
        try (RealServer server = start(2)) {
            server.meddler.hold();
            var answers = askTwo(server, request(Meddler.VICTIM_SEED), request(1));
            server.meddler.cause(Fault.DEVICE_LOST);
            server.meddler.letGo();
            HttpResponse<String> victim = answers.getFirst().get();
            assertThat(victim.statusCode()).as(victim.body()).isEqualTo(503);
            assertThat(at(json(victim.body()), "error.code")).isEqualTo("device_lost");
            String text = text(answers.getLast().get());
            // Whoever was to go to the lost one by its turn, or by what it had computed before, goes to the other.
            for (int i = 0; i < 4; i++)
                assertThat(text(server.ask("", request(1)).get())).isEqualTo(text);
            assertThat(server.status("/livez")).isEqualTo(200);
            assertThat(server.status("/readyz")).isEqualTo(200);
        }
    }

    private RealServer start(int devices) {
        return RealServer.startSeveral(devices, folder, "admin-port", "off", "max-num-seqs", "1");
    }

    /// The second when the first has been admitted, so that it goes to the engine that has nothing to do.
    private static List<CompletableFuture<HttpResponse<String>>> askTwo(RealServer server, String first, String second)
            throws InterruptedException {
        var answers = new ArrayList<CompletableFuture<HttpResponse<String>>>();
        for (String request : List.of(first, second)) {
            answers.add(server.ask("", request));
            TestServer.await(
                    "it to be admitted", () -> server.metric("", "sluice_requests_admitted_total") == answers.size());
        }
        return answers;
    }

    private static String request(long seed) {
        return "{\"prompt\":\"Once upon a time there was a fox.\",\"max_tokens\":40,\"ignore_eos\":true,"
                + "\"temperature\":0.9,\"seed\":" + seed + "}";
    }

    private static String text(HttpResponse<String> answer) {
        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
        return String.valueOf(at(json(answer.body()), "choices.0.text"));
    }
}
