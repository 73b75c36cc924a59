package io.sluice.server;

import static io.sluice.server.TestServer.json;
import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.server.output.OutputFormat;
import io.sluice.server.output.ToolFormat;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;

/// Whatever a body holds, it is answered, and never with a mistake of the server's. Requests that are right are spoilt:
/// values of other types, missing and doubled fields, depth, broken JSON, broken UTF-8. For a longer run
/// `-Dsluice.fuzz.rounds=100000`, and `-Dsluice.fuzz.seed=N` for another one.
class BodyFuzzTest {
    private static final int ROUNDS = Integer.getInteger("sluice.fuzz.rounds", 1_500);
    private static final long SEED = Long.getLong("sluice.fuzz.seed", 20);

    /// In a test that hangs; a request takes milliseconds.
    private static final Duration PATIENCE = Duration.ofMinutes(2);

    private static final String TOOLS =
            "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"strict\":true,\"parameters\":{\"type\":\"object\","
                    + "\"properties\":{\"a\":{\"type\":\"string\",\"maxLength\":3}},\"required\":[\"a\"]}}}]";

    private static final Map<String, List<String>> RIGHT = Map.of(
            "/v1/chat/completions",
                    List.of(
                            "{\"model\":\"test-model\",\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}],\"max_tokens\":3,\"temperature\":0.5,"
                                    + "\"top_p\":0.9,\"n\":2,\"stop\":[\"x\"],\"logprobs\":true,\"top_logprobs\":2,\"logit_bias\":{\"5\":1},\"seed\":7}",
                            "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"Hi\"}]}],\"max_tokens\":30,\"stream\":true,"
                                    + "\"stream_options\":{\"include_usage\":true}," + TOOLS
                                    + ",\"tool_choice\":\"required\"}",
                            "{\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}],\"max_tokens\":9,\"response_format\":{\"type\":\"json_schema\","
                                    + "\"json_schema\":{\"name\":\"a\",\"schema\":{\"type\":\"array\",\"items\":{\"enum\":[1,null]},\"maxItems\":3}}}}"),
            "/v1/completions",
                    List.of(
                            "{\"prompt\":[\"a\",\"b\"],\"max_tokens\":2,\"echo\":true,\"logprobs\":2,\"prompt_logprobs\":1}",
                            "{\"prompt\":[[97,98],[99]],\"max_tokens\":2,\"stop_token_ids\":[3],\"guided_regex\":\"[a-c]{2}\"}"),
            "/v1/embeddings",
                    List.of(
                            "{\"input\":[\"a\",\"b\"],\"encoding_format\":\"base64\",\"dimensions\":2,\"pooling\":\"mean\"}"),
            "/v1/responses",
                    List.of(
                            "{\"input\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":\"Hi\"}]}],\"max_output_tokens\":3,"
                                    + "\"text\":{\"format\":{\"type\":\"json_schema\",\"name\":\"a\",\"schema\":{\"const\":1}}},\"metadata\":{\"a\":\"b\"}}"),
            "/v1/messages",
                    List.of(
                            "{\"max_tokens\":3,\"system\":\"s\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"Hi\"}]}],"
                                    + "\"tools\":[{\"name\":\"f\",\"input_schema\":{\"type\":\"object\"}}],\"tool_choice\":{\"type\":\"any\"}}"),
            "/tokenize", List.of("{\"prompt\":\"abc\",\"return_token_strs\":true}"),
            "/detokenize", List.of("{\"tokens\":[97,98]}"),
            "/v1/chat/completions/render", List.of("{\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]}"));

    /// What no field expects.
    private static final List<@Nullable Object> ODD = Arrays.asList(
            null,
            true,
            false,
            0L,
            -1L,
            1L,
            1e300,
            -0.5,
            9_007_199_254_740_993L,
            Long.MIN_VALUE,
            "",
            "x",
            "\u0000",
            "\uD800",
            "[TOOL_CALLS]",
            "((((",
            "a".repeat(5_000),
            List.of(),
            List.of(List.of(List.of())),
            Map.of(),
            Map.of("", ""),
            Map.of("$ref", "#"),
            Map.of("type", "object", "not", Map.of()),
            List.of(1L, "a", true));

    @AutoClose
    private final TestServer server =
            TestServer.start(TestServer.Options.usual().withFormat(new OutputFormat(ToolFormat.HERMES, false, true)));

    private final SplittableRandom random = new SplittableRandom(SEED);

    @Test
    void every_body_is_answered_and_none_breaks_the_server() throws Exception {
        List<String> paths = RIGHT.keySet().stream().sorted().toList();
        int right = 0;
        for (int round = 0; round < ROUNDS; round++) {
            String path = paths.get(round % paths.size());
            List<String> bodies = Objects.requireNonNull(RIGHT.get(path));
            byte[] body = spoilt(bodies.get(random.nextInt(bodies.size())));
            HttpResponse<String> response = post(path, body);
            String what =
                    "seed " + SEED + ", round " + round + ", " + path + ": " + new String(body, StandardCharsets.UTF_8);
            assertThat(response.statusCode())
                    .as("%s%n%s", what, response.body())
                    .isLessThan(500);
            if (response.statusCode() == 200) right++;
            else assertThat(json(response.body())).as(what).containsKey("error");
        }
        assertThat(right).as("bodies that were right all the same").isPositive().isLessThan(ROUNDS);
        assertThat(post("/tokenize", "{\"prompt\":\"a\"}".getBytes(StandardCharsets.UTF_8))
                        .statusCode())
                .isEqualTo(200);
    }

    private HttpResponse<String> post(String path, byte[] body) throws Exception {
        HttpRequest request = HttpRequest.newBuilder(server.uri(path))
                .timeout(PATIENCE)
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofByteArray(body))
                .build();
        return server.client.send(request, HttpResponse.BodyHandlers.ofString());
    }

    private byte[] spoilt(String right) {
        return switch (random.nextInt(8)) {
            case 0 -> right.substring(0, random.nextInt(right.length())).getBytes(StandardCharsets.UTF_8);
            case 1 -> flipped(right.getBytes(StandardCharsets.UTF_8));
            case 2 -> deep().getBytes(StandardCharsets.UTF_8);
            default -> {
                @Nullable Object value = json(right);
                for (int i = random.nextInt(3); i >= 0; i--) value = changed(value);
                yield written(value).getBytes(StandardCharsets.UTF_8);
            }
        };
    }

    private byte[] flipped(byte[] bytes) {
        for (int i = random.nextInt(3); i >= 0; i--) bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(256);
        return bytes;
    }

    private String deep() {
        int depth = random.nextInt(1, 3_000);
        return random.nextBoolean()
                ? "{\"messages\":" + "[".repeat(depth) + "]".repeat(depth) + "}"
                : "{\"prompt\":\"a\",\"guided_json\":" + "{\"items\":".repeat(depth) + "{}" + "}".repeat(depth) + "}";
    }

    /// One place of it is another; a place deeper down is as likely.
    private @Nullable Object changed(@Nullable Object value) {
        if (value instanceof Map<?, ?> map && !map.isEmpty() && random.nextInt(6) > 0) {
            Map<Object, @Nullable Object> copy = new LinkedHashMap<>(map);
            List<Object> keys = new ArrayList<>(copy.keySet());
            Object key = keys.get(random.nextInt(keys.size()));
            switch (random.nextInt(5)) {
                case 0 -> copy.remove(key);
                case 1 -> copy.put(keys.get(random.nextInt(keys.size())), copy.get(key));
                default -> copy.put(key, changed(copy.get(key)));
            }
            return copy;
        }
        if (value instanceof List<?> list && !list.isEmpty() && random.nextInt(6) > 0) {
            List<@Nullable Object> copy = new ArrayList<>(list);
            int index = random.nextInt(copy.size());
            if (random.nextInt(5) == 0) copy.add(copy.get(index));
            else copy.set(index, changed(copy.get(index)));
            return copy;
        }
        return ODD.get(random.nextInt(ODD.size()));
    }

    /// As JSON, also what no JSON writer would let through.
    private static String written(@Nullable Object value) {
        return switch (value) {
            case null -> "null";
            case Map<?, ?> map -> {
                List<String> members = new ArrayList<>();
                map.forEach((key, inner) -> members.add(written(String.valueOf(key)) + ":" + written(inner)));
                yield "{" + String.join(",", members) + "}";
            }
            case List<?> list -> {
                List<String> items = new ArrayList<>();
                for (Object item : list) items.add(written(item));
                yield "[" + String.join(",", items) + "]";
            }
            case String text -> quoted(text);
            case java.util.Optional<?> _ -> "null"; // what a null in a list is read as
            default -> String.valueOf(value);
        };
    }

    private static String quoted(String text) {
        StringBuilder json = new StringBuilder("\"");
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '"' || c == '\\') json.append('\\').append(c);
            else if (c < ' ' || Character.isSurrogate(c)) json.append(String.format("\\u%04x", (int) c));
            else json.append(c);
        }
        return json.append('"').toString();
    }
}
