package io.sluice.server.responses;

import io.sluice.server.generation.Delta;
import io.sluice.server.generation.Finish;
import io.sluice.server.generation.Usage;
import io.sluice.server.http.ApiError;
import io.sluice.server.http.JsonOut;
import io.sluice.server.openai.AnswerFormat;
import io.sluice.server.openai.EventSink;
import io.sluice.server.openai.Message;
import io.sluice.server.output.Piece;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// The answer of `/v1/responses`: items of reasoning, text and calls, each begun and ended by events of its own, all of
/// them numbered. One request, one thread at a time.
final class ResponsesFormat implements AnswerFormat {
    private final ResponseObject response;
    private final Keeper keeper;
    private final Message message = new Message();
    private final List<byte[]> items = new ArrayList<>(); // those that are complete
    private @Nullable OpenItem open;
    private int sequence; // of the next event
    private Finish ended = new Finish.Stop();

    /// Takes a response that is complete, before its client hears of it.
    interface Keeper {
        void keep(Message answer, byte[] json);
    }

    ResponsesFormat(ResponseObject response, Keeper keeper) {
        this.response = response;
        this.keeper = keeper;
    }

    @Override
    public boolean hasOpening() {
        return true;
    }

    @Override
    public void opening(EventSink out, int choice, int promptTokens) throws IOException {
        for (String type : List.of("response.created", "response.in_progress")) {
            JsonOut json = begin(out, type).raw(",\"response\":");
            response.inProgress(json);
            json.raw("}");
            out.send(type);
        }
    }

    @Override
    public void delta(EventSink out, Delta delta) throws IOException {
        message.add(delta.pieces());
        for (Piece piece : delta.pieces()) {
            switch (piece) {
                case Piece.Text(String text) -> require(out, OpenItem.Kind.TEXT).more(this, out, text);
                case Piece.Reasoning(String text) ->
                    require(out, OpenItem.Kind.REASONING).more(this, out, text);
                case Piece.Call call -> {
                    close(out, ResponseItems.COMPLETED);
                    open(out, OpenItem.call(itemId("fc_"), items.size(), call.id(), call.name()));
                }
                case Piece.Arguments arguments -> {
                    if (open != null) open.more(this, out, arguments.json());
                }
            }
        }
    }

    private OpenItem require(EventSink out, OpenItem.Kind kind) throws IOException {
        OpenItem item = open;
        if (item != null && item.kind() == kind) return item;
        close(out, ResponseItems.COMPLETED);
        String prefix = kind == OpenItem.Kind.TEXT ? "msg_" : "rs_";
        return open(out, OpenItem.text(kind, itemId(prefix), items.size()));
    }

    private OpenItem open(EventSink out, OpenItem item) throws IOException {
        open = item;
        item.begin(this, out);
        return item;
    }

    private void close(EventSink out, String status) throws IOException {
        OpenItem item = open;
        if (item == null) return;
        open = null;
        items.add(item.end(this, out, status));
    }

    private String itemId(String prefix) {
        return prefix + response.id().substring(response.id().indexOf('_') + 1) + items.size();
    }

    /// An event's type and number; its object is left open.
    JsonOut begin(EventSink out, String type) {
        return out.json()
                .raw("{\"type\":")
                .string(type)
                .raw(",\"sequence_number\":")
                .number(sequence++);
    }

    @Override
    public void finish(EventSink out, int choice, Finish finish) throws IOException {
        close(out, finish instanceof Finish.Length ? ResponseItems.INCOMPLETE : ResponseItems.COMPLETED);
        ended = finish;
    }

    @Override
    public void complete(EventSink out, Usage usage) throws IOException {
        JsonOut whole = new JsonOut();
        response.over(whole, ended, items, usage);
        keeper.keep(message, whole.toBytes());
        String type = ended instanceof Finish.Length ? "response.incomplete" : "response.completed";
        begin(out, type).raw(",\"response\":").raw(whole.toBytes()).raw("}");
        out.send(type);
    }

    @Override
    public boolean endsWithDone() {
        return false;
    }

    @Override
    public void failure(EventSink out, ApiError error) throws IOException {
        JsonOut json = begin(out, "response.failed").raw(",\"response\":");
        response.failed(json, error, items);
        json.raw("}");
        out.send("response.failed");
    }

    @Override
    public void whole(JsonOut out, List<WholeChoice> choices, Usage usage) {
        WholeChoice choice = choices.getFirst();
        Message said = choice.message();
        String status = choice.finish() instanceof Finish.Length ? ResponseItems.INCOMPLETE : ResponseItems.COMPLETED;
        if (!said.reasoning().isEmpty()) {
            JsonOut item = new JsonOut();
            ResponseItems.reasoning(item, itemId("rs_"), ResponseItems.COMPLETED, said.reasoning());
            items.add(item.toBytes());
        }
        if (!said.text().isEmpty()) {
            JsonOut item = new JsonOut();
            ResponseItems.message(item, itemId("msg_"), status, said.text());
            items.add(item.toBytes());
        }
        for (Message.Call call : said.calls()) {
            JsonOut item = new JsonOut();
            ResponseItems.call(
                    item, itemId("fc_"), status, new ResponseItems.Call(call.id(), call.name(), call.arguments()));
            items.add(item.toBytes());
        }
        response.over(out, choice.finish(), items, usage);
        keeper.keep(said, out.toBytes());
    }
}
