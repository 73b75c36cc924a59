package io.sluice.server.responses;

import io.sluice.server.http.JsonOut;
import io.sluice.server.openai.EventSink;
import java.io.IOException;

/// The item of a streamed response that goes on, with the events that begin, continue and end it. One
/// request, one thread at a time.
final class OpenItem {
    enum Kind {
        TEXT("response.output_text", "text"),
        REASONING("response.reasoning_text", "text"),
        CALL("response.function_call_arguments", "arguments");

        private final String event;
        private final String field;

        Kind(String event, String field) {
            this.event = event;
            this.field = field;
        }
    }

    private final Kind kind;
    private final String id;
    private final int index; // in the output
    private final String callId;
    private final String name;
    private final StringBuilder content = new StringBuilder();

    private OpenItem(Kind kind, String id, int index, String callId, String name) {
        this.kind = kind;
        this.id = id;
        this.index = index;
        this.callId = callId;
        this.name = name;
    }

    static OpenItem text(Kind kind, String id, int index) {
        return new OpenItem(kind, id, index, "", "");
    }

    static OpenItem call(String id, int index, String callId, String name) {
        return new OpenItem(Kind.CALL, id, index, callId, name);
    }

    Kind kind() {
        return kind;
    }

    void begin(ResponsesFormat format, EventSink out) throws IOException {
        String added = "response.output_item.added";
        JsonOut json =
                format.begin(out, added).raw(",\"output_index\":").number(index).raw(",\"item\":");
        switch (kind) {
            case TEXT -> ResponseItems.emptyMessage(json, id);
            case REASONING -> ResponseItems.emptyReasoning(json, id);
            case CALL -> ResponseItems.call(json, id, ResponseItems.IN_PROGRESS, call());
        }
        send(out, json, added);
        if (kind != Kind.CALL) part(format, out, "response.content_part.added");
    }

    void more(ResponsesFormat format, EventSink out, String text) throws IOException {
        content.append(text);
        String type = kind.event + ".delta";
        JsonOut json = place(format, out, type).raw(",\"delta\":").string(text);
        if (kind == Kind.TEXT) json.raw(",\"logprobs\":[]");
        send(out, json, type);
    }

    /// Tells all of it.
    ///
    /// @return the item as it ended
    byte[] end(ResponsesFormat format, EventSink out, String status) throws IOException {
        String done = kind.event + ".done";
        JsonOut json =
                place(format, out, done).raw(",").string(kind.field).raw(":").string(content);
        if (kind == Kind.TEXT) json.raw(",\"logprobs\":[]");
        if (kind == Kind.CALL) json.raw(",\"name\":").string(name);
        send(out, json, done);
        if (kind != Kind.CALL) part(format, out, "response.content_part.done");
        JsonOut item = new JsonOut();
        switch (kind) {
            case TEXT -> ResponseItems.message(item, id, status, content);
            case REASONING -> ResponseItems.reasoning(item, id, status, content);
            case CALL -> ResponseItems.call(item, id, status, call());
        }
        String itemDone = "response.output_item.done";
        JsonOut last = format.begin(out, itemDone)
                .raw(",\"output_index\":")
                .number(index)
                .raw(",\"item\":")
                .raw(item.toBytes());
        send(out, last, itemDone);
        return item.toBytes();
    }

    private ResponseItems.Call call() {
        return new ResponseItems.Call(callId, name, content);
    }

    private void part(ResponsesFormat format, EventSink out, String type) throws IOException {
        JsonOut json = place(format, out, type).raw(",\"part\":");
        if (kind == Kind.TEXT) ResponseItems.textPart(json, content);
        else ResponseItems.reasoningPart(json, content);
        send(out, json, type);
    }

    /// Where in the output an event belongs.
    private JsonOut place(ResponsesFormat format, EventSink out, String type) {
        JsonOut json = format.begin(out, type)
                .raw(",\"item_id\":")
                .string(id)
                .raw(",\"output_index\":")
                .number(index);
        return kind == Kind.CALL ? json : json.raw(",\"content_index\":0");
    }

    private static void send(EventSink out, JsonOut json, String type) throws IOException {
        json.raw("}");
        out.send(type);
    }
}
