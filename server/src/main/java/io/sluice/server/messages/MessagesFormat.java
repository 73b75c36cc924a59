package io.sluice.server.messages;

import io.sluice.server.generation.Delta;
import io.sluice.server.generation.Finish;
import io.sluice.server.generation.Usage;
import io.sluice.server.http.ApiError;
import io.sluice.server.http.JsonOut;
import io.sluice.server.http.MessagesError;
import io.sluice.server.openai.AnswerFormat;
import io.sluice.server.openai.EventSink;
import io.sluice.server.openai.Json;
import io.sluice.server.openai.Message;
import io.sluice.server.openai.UsageExtension;
import io.sluice.server.output.Piece;
import java.io.IOException;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// The answer of `/v1/messages`: blocks of text, thinking and calls, each begun and ended by events of its own. One
/// request, one thread at a time.
final class MessagesFormat implements AnswerFormat {
    private final String id;
    private final String model;
    private @Nullable Block open; // the block that goes on
    private int blocks; // that have begun
    private @Nullable Finish ended;

    private enum Block {
        TEXT,
        THINKING,
        CALL
    }

    MessagesFormat(String id, String model) {
        this.id = id;
        this.model = model;
    }

    @Override
    public boolean hasOpening() {
        return true;
    }

    @Override
    public void opening(EventSink out, int choice, int promptTokens) throws IOException {
        JsonOut json = out.json()
                .raw("{\"type\":\"message_start\",\"message\":{\"id\":")
                .string(id)
                .raw(",\"type\":\"message\",\"role\":\"assistant\",\"model\":")
                .string(model)
                .raw(",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":");
        usage(json, new Usage(promptTokens, 0, 0, 0));
        json.raw("}}");
        out.send("message_start");
    }

    @Override
    public void delta(EventSink out, Delta delta) throws IOException {
        for (Piece piece : delta.pieces()) {
            switch (piece) {
                case Piece.Text(String text) -> {
                    require(out, Block.TEXT, "{\"type\":\"text\",\"text\":\"\"}");
                    more(out, "text_delta\",\"text", text);
                }
                case Piece.Reasoning(String text) -> {
                    require(out, Block.THINKING, "{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}");
                    more(out, "thinking_delta\",\"thinking", text);
                }
                case Piece.Call call -> {
                    close(out);
                    JsonOut block = new JsonOut();
                    toolUse(block, call.id(), call.name()).raw("{}}");
                    begin(out, Block.CALL, block.toBytes());
                }
                case Piece.Arguments arguments -> more(out, "input_json_delta\",\"partial_json", arguments.json());
            }
        }
    }

    private void require(EventSink out, Block kind, String block) throws IOException {
        if (open == kind) return;
        close(out);
        begin(out, kind, JsonOut.bytes(block));
    }

    private void begin(EventSink out, Block kind, byte[] block) throws IOException {
        open = kind;
        startOf(out.json(), "content_block_start", blocks++)
                .raw(",\"content_block\":")
                .raw(block)
                .raw("}");
        out.send("content_block_start");
    }

    private void more(EventSink out, String typeAndField, String text) throws IOException {
        startOf(out.json(), "content_block_delta", blocks - 1)
                .raw(",\"delta\":{\"type\":\"")
                .raw(typeAndField)
                .raw("\":")
                .string(text)
                .raw("}}");
        out.send("content_block_delta");
    }

    private void close(EventSink out) throws IOException {
        if (open == null) return;
        open = null;
        startOf(out.json(), "content_block_stop", blocks - 1).raw("}");
        out.send("content_block_stop");
    }

    private static JsonOut startOf(JsonOut json, String type, int index) {
        return json.raw("{\"type\":").string(type).raw(",\"index\":").number(index);
    }

    @Override
    public void finish(EventSink out, int choice, Finish finish) throws IOException {
        close(out);
        ended = finish;
    }

    @Override
    public void complete(EventSink out, Usage usage) throws IOException {
        JsonOut json = out.json().raw("{\"type\":\"message_delta\",\"delta\":{");
        ending(json, ended);
        json.raw("},\"usage\":");
        usage(json, usage);
        json.raw("}");
        out.send("message_delta");
        out.json().raw("{\"type\":\"message_stop\"}");
        out.send("message_stop");
    }

    @Override
    public boolean endsWithDone() {
        return false;
    }

    @Override
    public void failure(EventSink out, ApiError error) throws IOException {
        out.json().raw(MessagesError.eventBody(error));
        out.send("error");
    }

    @Override
    public void whole(JsonOut out, List<WholeChoice> choices, Usage usage) {
        WholeChoice choice = choices.getFirst();
        out.raw("{\"id\":")
                .string(id)
                .raw(",\"type\":\"message\",\"role\":\"assistant\",\"model\":")
                .string(model)
                .raw(",\"content\":[");
        content(out, choice.message());
        out.raw("],");
        ending(out, choice.finish());
        out.raw(",\"usage\":");
        usage(out, usage);
        out.raw("}");
    }

    private static void content(JsonOut out, Message message) {
        String separator = "";
        if (!message.reasoning().isEmpty()) {
            out.raw("{\"type\":\"thinking\",\"thinking\":")
                    .string(message.reasoning())
                    .raw(",\"signature\":\"\"}");
            separator = ",";
        }
        if (!message.text().isEmpty()) {
            out.raw(separator)
                    .raw("{\"type\":\"text\",\"text\":")
                    .string(message.text())
                    .raw("}");
            separator = ",";
        }
        for (Message.Call call : message.calls()) {
            // A call that broke off has no input that could be an object; the stop reason says why.
            boolean complete = Json.objectIn(call.arguments()).isPresent();
            toolUse(out.raw(separator), call.id(), call.name())
                    .raw(complete ? JsonOut.bytes(call.arguments()) : JsonOut.bytes("{}"))
                    .raw("}");
            separator = ",";
        }
    }

    private static JsonOut toolUse(JsonOut out, String id, String name) {
        return out.raw("{\"type\":\"tool_use\",\"id\":")
                .string(id)
                .raw(",\"name\":")
                .string(name)
                .raw(",\"input\":");
    }

    private static void ending(JsonOut out, @Nullable Finish finish) {
        String stopText = finish instanceof Finish.Stop(String text) ? text : null;
        String reason = finish == null ? "end_turn" : reason(finish);
        out.raw("\"stop_reason\":").string(reason).raw(",\"stop_sequence\":").string(stopText);
    }

    private static String reason(Finish finish) {
        return switch (finish) {
            case Finish.Stop(String text) -> text == null ? "end_turn" : "stop_sequence";
            case Finish.ToolCalls() -> "tool_use";
            case Finish.Length() -> "max_tokens";
            case Finish.Cancelled(), Finish.Expired _, Finish.Stalled _, Finish.Failed _, Finish.Interrupted _ ->
                throw new IllegalArgumentException(finish + " is no stop_reason");
        };
    }

    /// Here, what came from the cache is no part of the input tokens.
    private static void usage(JsonOut out, Usage usage) {
        out.raw("{\"input_tokens\":")
                .number(usage.prompt() - usage.cached())
                .raw(",\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":")
                .number(usage.cached())
                .raw(",\"output_tokens\":")
                .number(usage.completion());
        UsageExtension.write(out, usage);
        out.raw("}");
    }
}
