package io.sluice.server.openai;

import io.sluice.server.http.JsonOut;
import io.sluice.server.output.Piece;
import java.util.List;

/// How chat completions spell text, reasoning and calls of tools. Any thread.
final class ChatPieces {
    private static final byte[] CONTENT = JsonOut.bytes("{\"content\":");
    private static final byte[] END = JsonOut.bytes("}");

    private ChatPieces() {}

    /// All of a message.
    static void message(JsonOut out, Message message, boolean showsReasoning) {
        boolean silent = message.text().isEmpty() && !message.calls().isEmpty();
        out.raw("{\"role\":\"assistant\",\"content\":").string(silent ? null : message.text());
        if (showsReasoning && !message.reasoning().isEmpty()) {
            out.raw(",\"reasoning_content\":").string(message.reasoning());
        }
        if (!message.calls().isEmpty()) {
            String separator = ",\"tool_calls\":[";
            for (Message.Call call : message.calls()) {
                out.raw(separator)
                        .raw("{\"id\":")
                        .string(call.id())
                        .raw(",\"type\":\"function\",\"function\":{\"name\":")
                        .string(call.name())
                        .raw(",\"arguments\":")
                        .string(call.arguments())
                        .raw("}}");
                separator = ",";
            }
            out.raw("]");
        }
        out.raw(",\"refusal\":null}");
    }

    /// What is new of one.
    static void delta(JsonOut out, List<Piece> pieces, boolean showsReasoning) {
        // Nearly every event of a stream: once per token.
        if (pieces.size() == 1 && pieces.getFirst() instanceof Piece.Text(String only)) {
            out.raw(CONTENT).string(only).raw(END);
            return;
        }
        StringBuilder text = new StringBuilder();
        StringBuilder reasoning = new StringBuilder();
        for (Piece piece : pieces) {
            if (piece instanceof Piece.Text(String more)) text.append(more);
            if (showsReasoning && piece instanceof Piece.Reasoning(String more)) reasoning.append(more);
        }
        boolean calls =
                pieces.stream().anyMatch(piece -> piece instanceof Piece.Call || piece instanceof Piece.Arguments);
        String separator = "{";
        if (!text.isEmpty() || (reasoning.isEmpty() && !calls)) {
            out.raw(separator).raw("\"content\":").string(text);
            separator = ",";
        }
        if (!reasoning.isEmpty()) {
            out.raw(separator).raw("\"reasoning_content\":").string(reasoning);
            separator = ",";
        }
        if (calls) {
            out.raw(separator).raw("\"tool_calls\":[");
            calls(out, pieces);
            out.raw("]");
        }
        out.raw("}");
    }

    /// A call that begins and what there is of its arguments are one element.
    private static void calls(JsonOut out, List<Piece> pieces) {
        boolean open = false;
        boolean first = true;
        for (Piece piece : pieces) {
            if (piece instanceof Piece.Call(int index, String id, String name)) {
                out.raw(open ? "\"}}" : "")
                        .raw(first ? "" : ",")
                        .raw("{\"index\":")
                        .number(index);
                out.raw(",\"id\":")
                        .string(id)
                        .raw(",\"type\":\"function\",\"function\":{\"name\":")
                        .string(name);
                out.raw(",\"arguments\":\"");
                open = true;
                first = false;
            } else if (piece instanceof Piece.Arguments(int index, String json)) {
                if (!open) out.raw("{\"index\":").number(index).raw(",\"function\":{\"arguments\":\"");
                out.inString(json);
                open = true;
                first = false;
            }
        }
        if (open) out.raw("\"}}");
    }
}
