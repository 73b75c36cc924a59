package io.sluice.server.openai;

import io.sluice.server.output.Piece;
import java.util.ArrayList;
import java.util.List;

/// What the pieces of one choice come to. One thread.
public final class Message {
    private final StringBuilder text = new StringBuilder();
    private final StringBuilder reasoning = new StringBuilder();
    private final List<OpenCall> calls = new ArrayList<>();

    private record OpenCall(String id, String name, StringBuilder arguments) {}

    /// A call of a tool. A value.
    ///
    /// @param arguments JSON, as far as the model wrote it
    public record Call(String id, String name, String arguments) {}

    public void add(List<Piece> pieces) {
        for (Piece piece : pieces) {
            switch (piece) {
                case Piece.Text(String more) -> text.append(more);
                case Piece.Reasoning(String more) -> reasoning.append(more);
                case Piece.Call(int _, String id, String name) ->
                    calls.add(new OpenCall(id, name, new StringBuilder()));
                case Piece.Arguments(int index, String json) ->
                    calls.get(index).arguments().append(json);
            }
        }
    }

    public String text() {
        return text.toString();
    }

    public String reasoning() {
        return reasoning.toString();
    }

    public List<Call> calls() {
        return calls.stream()
                .map(call -> new Call(call.id(), call.name(), call.arguments().toString()))
                .toList();
    }
}
