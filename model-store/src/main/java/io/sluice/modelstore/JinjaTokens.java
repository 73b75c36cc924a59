package io.sluice.modelstore;

import io.sluice.modelstore.JinjaToken.Kind;
import java.util.List;
import java.util.function.Supplier;

/// The parsers' place in the tokens of a template. One thread.
final class JinjaTokens {
    /// Deeper nesting is no real template and would only use up the stack.
    private static final int DEPTH_MAX = 64;

    private final List<JinjaToken> tokens;
    private int next;
    private int depth;

    /// @param tokens the last is `END`
    JinjaTokens(List<JinjaToken> tokens) {
        this.tokens = tokens;
    }

    JinjaToken peek() {
        return tokens.get(next);
    }

    JinjaToken peekAfter() {
        return tokens.get(Math.min(next + 1, tokens.size() - 1));
    }

    /// Takes the next token; the end stays.
    JinjaToken take() {
        JinjaToken token = tokens.get(next);
        next = Math.min(next + 1, tokens.size() - 1);
        return token;
    }

    int line() {
        return peek().line();
    }

    boolean at(Kind kind) {
        return peek().kind() == kind;
    }

    boolean atOperator(String operator) {
        return peek().is(Kind.OPERATOR, operator);
    }

    boolean atName(String name) {
        return peek().is(Kind.NAME, name);
    }

    boolean takeOperator(String operator) {
        boolean found = atOperator(operator);
        if (found) {
            take();
        }
        return found;
    }

    boolean takeName(String name) {
        boolean found = atName(name);
        if (found) {
            take();
        }
        return found;
    }

    void expectOperator(String operator) {
        if (!takeOperator(operator)) {
            throw unexpected("'" + operator + "'");
        }
    }

    void expectName(String name) {
        if (!takeName(name)) {
            throw unexpected("'" + name + "'");
        }
    }

    /// A name of any kind.
    String takeIdentifier(String what) {
        if (!at(Kind.NAME)) {
            throw unexpected(what);
        }
        return take().text();
    }

    void expect(Kind kind) {
        if (!at(kind)) {
            throw unexpected(new JinjaToken(kind, kind.name(), 0).toString());
        }
        take();
    }

    JinjaException unexpected(String expected) {
        return new JinjaException("expected " + expected + ", found " + peek(), line());
    }

    /// Parses something that may hold itself again.
    <T> T nested(Supplier<T> parse) {
        if (++depth > DEPTH_MAX) {
            throw new JinjaException("nested deeper than " + DEPTH_MAX + " levels", line());
        }
        try {
            return parse.get();
        } finally {
            depth--;
        }
    }
}
