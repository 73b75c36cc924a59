package io.sluice.modelstore.grammar;

import java.util.List;

/// A regular expression over characters. A value. `BEGIN` and `END` stand for the text's two ends, as if they
/// were characters around it: that makes anchors ordinary members of an expression.
sealed interface Regex {
    CodePoints BEGIN = CodePoints.of(0x110000);
    CodePoints END = CodePoints.of(0x110001);

    /// One character.
    record Chars(CodePoints set) implements Regex {}

    record Concat(List<Regex> parts) implements Regex {}

    record Alternatives(List<Regex> options) implements Regex {}

    /// From `min` to `max` times the same.
    ///
    /// @param max `UNBOUNDED` for no limit
    record Repeat(Regex body, int min, int max) implements Regex {}

    int UNBOUNDED = Integer.MAX_VALUE;

    Regex EMPTY = new Concat(List.of());
    Regex ANY = new Repeat(new Chars(CodePoints.ALL), 0, UNBOUNDED);

    static Regex literal(String text) {
        return new Concat(text.codePoints()
                .<Regex>mapToObj(c -> new Chars(CodePoints.of(c)))
                .toList());
    }

    static Regex concat(Regex... parts) {
        return new Concat(List.of(parts));
    }

    static Regex either(Regex... options) {
        return new Alternatives(List.of(options));
    }

    static Regex range(char first, char last) {
        return new Chars(CodePoints.of(first, last));
    }

    static Regex repeat(Regex body, int min, int max) {
        return new Repeat(body, min, max);
    }
}
