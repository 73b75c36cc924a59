package io.sluice.modelstore.grammar;

import java.util.List;

/// The right side of a grammar's rule. A value.
sealed interface Expression {

    /// This text.
    record Literal(String text) implements Expression {}

    /// The special token that the vocabulary calls so.
    record Special(String name) implements Expression {}

    /// One character.
    record Letter(CodePoints set) implements Expression {}

    /// A text of the automaton's, as it is.
    record Text(Dfa automaton) implements Expression {}

    /// A text of the automaton's, between quotes and escaped as JSON has it.
    record Quoted(Dfa automaton) implements Expression {}

    record Sequence(List<Expression> parts) implements Expression {}

    record Choice(List<Expression> options) implements Expression {}

    /// From `min` to `max` times the same.
    ///
    /// @param max `Regex.UNBOUNDED` for no limit
    record Repeat(Expression body, int min, int max) implements Expression {}

    /// What rule `rule` says.
    record Call(int rule) implements Expression {}

    /// From `min` to `max` members of an object: those of `members`, in their order, then any number of
    /// `further`.
    ///
    /// @param further empty if there can be none
    /// @param max `Regex.UNBOUNDED` for no limit
    record Members(List<Member> members, List<Expression> further, int min, int max) implements Expression {}

    /// A member of an object: its name with colon, and its value.
    record Member(Expression expression, boolean required) {}

    Expression EMPTY = new Literal("");

    /// What no text fulfils; whatever needs it is left out of the automaton.
    Expression NOTHING = new Choice(List.of());

    static Expression sequence(Expression... parts) {
        return new Sequence(List.of(parts));
    }

    static Expression optional(Expression body) {
        return new Repeat(body, 0, 1);
    }

    static Expression any(Expression body) {
        return new Repeat(body, 0, Regex.UNBOUNDED);
    }
}
