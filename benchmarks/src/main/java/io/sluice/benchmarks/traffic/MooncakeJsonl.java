package io.sluice.benchmarks.traffic;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/// The Mooncake traces: one JSON object per line with `timestamp` in milliseconds, `input_length`,
/// `output_length` and, where prefixes were recorded, `hash_ids`. Other fields are passed over.
final class MooncakeJsonl implements TraceFormat {
    private static final long ABSENT = Long.MIN_VALUE;
    private static final long MILLISECOND_NS = 1_000_000L;

    private final JsonFactory json = new JsonFactory();

    @Override
    public Row parse(String line) {
        long timestamp = ABSENT;
        long prompt = ABSENT;
        long output = ABSENT;
        List<Integer> hashIds = List.of();
        try (JsonParser in = json.createParser(line)) {
            if (in.nextToken() != JsonToken.START_OBJECT) throw new IllegalArgumentException("not a JSON object");
            while (in.nextToken() == JsonToken.FIELD_NAME) {
                String field = in.currentName();
                in.nextToken();
                switch (field) {
                    case "timestamp" -> timestamp = number(in, field);
                    case "input_length" -> prompt = number(in, field);
                    case "output_length" -> output = number(in, field);
                    case "hash_ids" -> hashIds = ids(in);
                    default -> in.skipChildren();
                }
            }
        } catch (IOException e) {
            throw new IllegalArgumentException("not a JSON object", e);
        }
        int promptTokens = tokens("input_length", prompt);
        int outputTokens = tokens("output_length", output);
        long atNs = Math.multiplyExact(present("timestamp", timestamp), MILLISECOND_NS);
        return new Row(atNs, new TraceRow(0, promptTokens, outputTokens, hashIds));
    }

    private static long number(JsonParser in, String field) throws IOException {
        if (!in.currentToken().isNumeric()) {
            throw new IllegalArgumentException("\"" + field + "\" must be a number, got " + in.getText());
        }
        return in.getLongValue();
    }

    private static List<Integer> ids(JsonParser in) throws IOException {
        if (in.currentToken() != JsonToken.START_ARRAY) {
            throw new IllegalArgumentException("\"hash_ids\" must be an array of numbers");
        }
        var ids = new ArrayList<Integer>();
        while (in.nextToken() != JsonToken.END_ARRAY) ids.add(Math.toIntExact(number(in, "hash_ids")));
        return ids;
    }

    private static int tokens(String field, long count) {
        return Math.toIntExact(present(field, count));
    }

    private static long present(String field, long value) {
        if (value == ABSENT) throw new IllegalArgumentException("\"" + field + "\" is missing");
        return value;
    }
}
