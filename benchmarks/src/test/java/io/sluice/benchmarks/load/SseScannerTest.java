package io.sluice.benchmarks.load;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SseScannerTest {

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\" a\"},\"finish_reason\":null}]}",
                "{\"choices\": [{\"index\": 0, \"delta\": {\"content\" : \"a\"}}]}",
                "{\"choices\":[{\"text\":\"a\",\"logprobs\":null}]}",
                "{\"choices\":[{\"delta\":{\"content\":null,\"reasoning_content\":\"hm\"}}]}",
                "{\"choices\":[{\"delta\":{\"reasoning\":\"hm\"}}]}",
                "{\"choices\":[{\"delta\":{\"tool_calls\":[{\"function\":{\"arguments\":\"{\\\"a\"}}]}}]}",
                "{\"choices\":[{\"delta\":{\"content\":\"\\\"content\\\":\\\"\"}}]}",
            })
    void anEventWithTextIsOne(String json) throws IOException {
        assertThat(scanned("data: " + json + "\n\n").texts()).isEqualTo(1);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}",
                "{\"choices\":[{\"delta\":{\"content\":null}}]}",
                "{\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}",
                "{\"choices\":[{\"delta\":{\"role\":\"content\"},\"logprobs\":{\"content\":[{\"token\":\"a\"}]}}]}",
                "{\"system_fingerprint\":\"\\\"content\\\":\\\"x\\\"\",\"choices\":[]}",
                "{\"choices\":[{\"text\":\"\",\"finish_reason\":\"length\"}]}",
            })
    void anEventWithoutTextIsNone(String json) throws IOException {
        assertThat(scanned("data: " + json + "\n\n").texts()).isZero();
    }

    @Test
    void theEndIsSeenByItsMarkAndByItsReason() throws IOException {
        assertThat(scanned("data: [DONE]\n\n").isDone()).isTrue();
        assertThat(scanned("data:[DONE]\r\n\r\n").isDone()).isTrue();
        assertThat(scanned("data: {\"finish_reason\":\"stop\"}\n\n").isFinished())
                .isTrue();
        assertThat(scanned("data: {\"finish_reason\":null}\n\n").isFinished()).isFalse();
    }

    @Test
    void heartbeatsErrorsAndUsageAreKept() throws IOException {
        SseScanner scanner = scanned("""
                : alive

                :

                event: error
                id: 7
                data: {"error":{"code":"x"}}

                data: {"usage":null,"error":null}

                data: {"usage":{"prompt_tokens":3,"completion_tokens":4}}

                """);
        assertThat(scanner.comments()).isEqualTo(2);
        assertThat(ErrorBody.code(scanner.error())).isEqualTo("x");
        assertThat(Usage.of(scanner.usage())).isEqualTo(new Usage(3, 4));
    }

    @Test
    void whereTheNetworkCutsTheStreamMakesNoDifference() throws IOException {
        var text = new StringBuilder();
        for (int i = 0; i < 200; i++) {
            text.append(i % 7 == 0 ? ": heartbeat\n\n" : "");
            text.append("data: {\"choices\":[{\"delta\":{\"content\":\"")
                    .append("ü".repeat(i % 5))
                    .append("\"}}]}\n\n");
        }
        byte[] whole = text.append("data: [DONE]\n\n").toString().getBytes(StandardCharsets.UTF_8);
        SseScanner expected = scanned(text.toString());
        assertThat(expected.texts()).isEqualTo(160);
        for (long seed = 1; seed <= 200; seed++) {
            var random = new SplittableRandom(seed);
            var scanner = new SseScanner();
            for (int from = 0; from < whole.length; ) {
                int to = Math.min(whole.length, from + 1 + random.nextInt(1 + random.nextInt(200)));
                scanner.accept(whole, from, to);
                from = to;
            }
            assertThat(scanner.texts()).as("seed %d", seed).isEqualTo(expected.texts());
            assertThat(scanner.comments()).as("seed %d", seed).isEqualTo(expected.comments());
            assertThat(scanner.isDone()).isTrue();
        }
    }

    private static SseScanner scanned(String stream) throws IOException {
        var scanner = new SseScanner();
        byte[] bytes = stream.getBytes(StandardCharsets.UTF_8);
        scanner.accept(bytes, 0, bytes.length);
        return scanner;
    }
}
