package io.sluice.server.batches;

import io.sluice.server.http.ApiError;
import io.sluice.server.http.JsonOut;
import io.sluice.server.openai.Fields;
import io.sluice.server.openai.Json;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

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

    /// All of an input's lines.
    ///
    /// @throws Wrong if one is none
    static List<BatchLine> parse(byte[] input, String endpoint) {
        List<BatchLine> lines = new ArrayList<>();
        Set<String> names = new HashSet<>();
        int number = 0;
        for (String text : new String(input, StandardCharsets.UTF_8).split("\n", -1)) {
            number++;
            if (text.isBlank()) continue;
            if (lines.size() >= LINES_MAX)
                throw new Wrong(number, "too_many_lines", "At most " + LINES_MAX + " lines.");
            BatchLine line = parse(number, text, endpoint);
            if (!names.add(line.name())) {
                throw new Wrong(number, "duplicate_custom_id", "custom_id \"" + line.name() + "\" is there twice.");
            }
            lines.add(line);
        }
        if (lines.isEmpty()) throw new Wrong(1, "empty_file", "The input has no lines.");
        return lines;
    }

    private static BatchLine parse(int number, String text, String endpoint) {
        try {
            Fields fields = Fields.of(Json.parseObject(text.getBytes(StandardCharsets.UTF_8)));
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
