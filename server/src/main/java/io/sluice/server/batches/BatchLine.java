package io.sluice.server.batches;

import io.sluice.server.http.ApiError;
import io.sluice.server.http.JsonOut;
import io.sluice.server.openai.Fields;
import io.sluice.server.openai.Json;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// One request of a batch. A value.
///
/// @param name what its client calls it
record BatchLine(String name, Map<String, Object> body) {

    /// As OpenAI has it.
    private static final int LINES_MAX = 50_000;

    private static final int NAME_MAX = 512;

    /// What is wrong with an input. A value.
    static final class Wrong extends RuntimeException {
        private final int line;
        private final String code;

        Wrong(int line, String code, String message) {
            super(message, null, false, false); // an expected outcome: no stack trace
            this.line = line;
            this.code = code;
        }

        int line() {
            return line;
        }

        String code() {
            return code;
        }
    }

    /// Checks all of an input's lines, and keeps none.
    ///
    /// @return how many there are
    /// @throws Wrong if one is none
    static int check(LineReader input, String endpoint) throws IOException {
        Set<String> names = new HashSet<>(); // of at most 50,000 lines
        int number = 0;
        for (byte[] text = input.next(); text != null; text = input.next()) {
            number++;
            if (isBlank(text)) continue;
            if (names.size() >= LINES_MAX) {
                throw new Wrong(number, "too_many_lines", "At most " + LINES_MAX + " lines.");
            }
            BatchLine line = parse(number, text, endpoint);
            if (!names.add(line.name())) {
                throw new Wrong(number, "duplicate_custom_id", "custom_id \"" + line.name() + "\" is there twice.");
            }
        }
        if (names.isEmpty()) throw new Wrong(1, "empty_file", "The input has no lines.");
        return names.size();
    }

    /// The next request of an input that was checked; null behind the last.
    static @Nullable BatchLine next(LineReader input, String endpoint) throws IOException {
        byte[] text = input.next();
        while (text != null && isBlank(text)) text = input.next();
        return text == null ? null : parse(0, text, endpoint);
    }

    private static boolean isBlank(byte[] text) {
        return new String(text, StandardCharsets.UTF_8).isBlank();
    }

    private static BatchLine parse(int number, byte[] text, String endpoint) {
        try {
            Fields fields = Fields.of(Json.parseObject(text));
            String name = fields.string("custom_id");
            if (name == null || name.isEmpty() || name.length() > NAME_MAX) {
                throw new Wrong(number, "missing_custom_id", "custom_id must have 1 to " + NAME_MAX + " characters.");
            }
            if (!"POST".equals(fields.string("method")))
                throw new Wrong(number, "invalid_method", "method must be POST.");
            if (!endpoint.equals(fields.string("url"))) {
                throw new Wrong(number, "invalid_url", "url must be the batch's endpoint, " + endpoint + ".");
            }
            Fields body = fields.object("body");
            if (body == null) throw new Wrong(number, "missing_body", "body is missing.");
            return new BatchLine(name, body.values());
        } catch (ApiError e) {
            throw new Wrong(number, "invalid_json_line", e.getMessage());
        }
    }

    /// The line of the output for an answer.
    ///
    /// @param body JSON
    byte[] answered(String requestId, int status, byte[] body) {
        JsonOut out = begin(requestId)
                .raw(",\"response\":{\"status_code\":")
                .number(status)
                .raw(",\"request_id\":")
                .string(requestId)
                .raw(",\"body\":");
        // One line: what JSON has outside of its strings may break lines.
        out.raw(new String(body, StandardCharsets.UTF_8).strip().getBytes(StandardCharsets.UTF_8));
        return out.raw("},\"error\":null}\n").toBytes();
    }

    /// The line of the errors for a request that was never sent.
    byte[] unsent(String code, String message) {
        return begin(name)
                .raw(",\"response\":null,\"error\":{\"code\":")
                .string(code)
                .raw(",\"message\":")
                .string(message)
                .raw("}}\n")
                .toBytes();
    }

    private JsonOut begin(String id) {
        return new JsonOut()
                .raw("{\"id\":")
                .string("batch_" + id)
                .raw(",\"custom_id\":")
                .string(name);
    }
}
