package io.sluice.modelstore.grammar;

/// A wanted structure that cannot be had: wrong, unsupported or over a limit. The message says what to change.
public final class GrammarException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public GrammarException(String message) {
        super(message);
    }
}
