package io.sluice.server.responses;

import io.sluice.server.http.JsonOut;

/// How the items of a response's output are spelled. Any thread.
final class ResponseItems {
    static final String IN_PROGRESS = "in_progress";
    static final String COMPLETED = "completed";
    static final String INCOMPLETE = "incomplete";

    private ResponseItems() {}

    /// A message without its content, which is left open: `]}` ends it.
    private static JsonOut messageHead(JsonOut out, String id, String status) {
        return head(out, "message", id, status).raw(",\"role\":\"assistant\",\"content\":[");
    }

    private static JsonOut head(JsonOut out, String type, String id, String status) {
        return out.raw("{\"id\":")
                .string(id)
                .raw(",\"type\":")
                .string(type)
                .raw(",\"status\":")
                .string(status);
    }

    static void emptyMessage(JsonOut out, String id) {
        messageHead(out, id, IN_PROGRESS).raw("]}");
    }

    static void message(JsonOut out, String id, String status, CharSequence text) {
        messageHead(out, id, status);
        textPart(out, text);
        out.raw("]}");
    }

    static void textPart(JsonOut out, CharSequence text) {
        out.raw("{\"type\":\"output_text\",\"text\":").string(text).raw(",\"annotations\":[],\"logprobs\":[]}");
    }

    static void emptyReasoning(JsonOut out, String id) {
        head(out, "reasoning", id, IN_PROGRESS).raw(",\"summary\":[],\"content\":[]}");
    }

    static void reasoning(JsonOut out, String id, String status, CharSequence text) {
        head(out, "reasoning", id, status).raw(",\"summary\":[],\"content\":[");
        reasoningPart(out, text);
        out.raw("]}");
    }

    static void reasoningPart(JsonOut out, CharSequence text) {
        out.raw("{\"type\":\"reasoning_text\",\"text\":").string(text).raw("}");
    }

    /// A call, with the arguments that there are.
    static void call(JsonOut out, String id, String status, Call call) {
        head(out, "function_call", id, status)
                .raw(",\"call_id\":")
                .string(call.callId())
                .raw(",\"name\":")
                .string(call.name())
                .raw(",\"arguments\":")
                .string(call.arguments())
                .raw("}");
    }

    /// A call of a function. A value.
    record Call(String callId, String name, CharSequence arguments) {}
}
