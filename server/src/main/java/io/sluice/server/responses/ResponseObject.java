package io.sluice.server.responses;

import io.sluice.server.generation.Finish;
import io.sluice.server.generation.Usage;
import io.sluice.server.http.ApiError;
import io.sluice.server.http.JsonOut;
import io.sluice.server.http.JsonText;
import io.sluice.server.openai.ChatRequest;
import io.sluice.server.openai.Fields;
import io.sluice.server.openai.UsageExtension;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// The object that a response is, in each of its states. A value; any thread.
///
/// @param request what its client is told again of its request: the fields behind the output, as JSON
record ResponseObject(String id, long createdSecond, String model, byte[] request) {

    /// @param stored the response is going to be kept
    static ResponseObject of(Fields fields, ChatRequest chat, Names names, boolean stored) {
        JsonOut out = new JsonOut();
        field(out, "instructions", fields.any("instructions"));
        field(out, "max_output_tokens", fields.any("max_output_tokens"));
        field(out, "metadata", orElse(fields.any("metadata"), Map.of()));
        field(out, "parallel_tool_calls", orElse(fields.any("parallel_tool_calls"), true));
        field(out, "previous_response_id", fields.any("previous_response_id"));
        field(out, "reasoning", orElse(fields.any("reasoning"), Map.of()));
        field(out, "store", stored);
        field(out, "temperature", orElse(fields.any("temperature"), 1.0));
        field(out, "text", orElse(fields.any("text"), Map.of("format", Map.of("type", "text"))));
        field(out, "tool_choice", orElse(fields.any("tool_choice"), "auto"));
        field(out, "tools", orElse(fields.any("tools"), List.of()));
        field(out, "top_p", orElse(fields.any("top_p"), 1.0));
        field(out, "truncation", "disabled");
        field(out, "user", fields.any("user"));
        String tier = chat.common().servedTier();
        if (tier != null) field(out, "service_tier", tier);
        return new ResponseObject(names.id(), names.createdSecond(), names.model(), out.toBytes());
    }

    /// What a response is called, and its model.
    record Names(String id, long createdSecond, String model) {}

    private static Object orElse(@Nullable Object value, Object absent) {
        return value == null ? absent : value;
    }

    private static void field(JsonOut out, String name, @Nullable Object value) {
        out.raw(",").string(name).raw(":");
        JsonText.write(out, value == null ? Optional.empty() : value);
    }

    void inProgress(JsonOut out) {
        write(out, ResponseItems.IN_PROGRESS, "null", "null");
        out.raw("[],\"usage\":null").raw(request).raw("}");
    }

    /// @param items the output's, as JSON
    void over(JsonOut out, Finish finish, List<byte[]> items, Usage usage) {
        boolean cut = finish instanceof Finish.Length;
        write(
                out,
                cut ? ResponseItems.INCOMPLETE : ResponseItems.COMPLETED,
                "null",
                cut ? "{\"reason\":\"max_output_tokens\"}" : "null");
        items(out, items);
        out.raw(",\"usage\":{\"input_tokens\":")
                .number(usage.prompt())
                .raw(",\"input_tokens_details\":{\"cached_tokens\":")
                .number(usage.cached())
                .raw("},\"output_tokens\":")
                .number(usage.completion())
                .raw(",\"output_tokens_details\":{\"reasoning_tokens\":")
                .number(usage.reasoning())
                .raw("},\"total_tokens\":")
                .number(usage.total());
        UsageExtension.write(out, usage);
        out.raw("}").raw(request).raw("}");
    }

    void failed(JsonOut out, ApiError error, List<byte[]> items) {
        JsonOut told = new JsonOut()
                .raw("{\"code\":")
                .string(error.code() == null ? "server_error" : error.code())
                .raw(",\"message\":")
                .string(error.getMessage())
                .raw("}");
        write(out, "failed", told.toString(), "null");
        items(out, items);
        out.raw(",\"usage\":null").raw(request).raw("}");
    }

    private static void items(JsonOut out, List<byte[]> items) {
        out.raw("[");
        for (int i = 0; i < items.size(); i++) out.raw(i == 0 ? "" : ",").raw(items.get(i));
        out.raw("]");
    }

    /// Up to the output.
    private void write(JsonOut out, String status, String error, String incomplete) {
        out.raw("{\"id\":")
                .string(id)
                .raw(",\"object\":\"response\",\"created_at\":")
                .number(createdSecond)
                .raw(",\"status\":")
                .string(status)
                .raw(",\"model\":")
                .string(model)
                .raw(",\"error\":")
                .raw(JsonOut.bytes(error))
                .raw(",\"incomplete_details\":")
                .raw(incomplete)
                .raw(",\"output\":");
    }
}
