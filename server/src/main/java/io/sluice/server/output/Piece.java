package io.sluice.server.output;

/// A piece of an answer, in the order in which the model wrote it. A value.
public sealed interface Piece {

    /// For whoever asked.
    record Text(String text) implements Piece {}

    /// What the model thinks before it answers.
    record Reasoning(String text) implements Piece {}

    /// A call of a tool begins.
    ///
    /// @param index of the call in the answer
    record Call(int index, String id, String name) implements Piece {}

    /// More of the arguments of the call that began last: a piece of JSON.
    record Arguments(int index, String json) implements Piece {}
}
