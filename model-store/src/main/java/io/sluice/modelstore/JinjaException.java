package io.sluice.modelstore;

/// A template that cannot be parsed or rendered. The line is added on the way up, by whoever knows it.
final class JinjaException extends RuntimeException {
    private final String problem;
    private final int line; // 0 while nobody knows
    private final boolean raised;

    private JinjaException(String message, int line, boolean raised) {
        super(message);
        problem = message;
        this.line = line;
        this.raised = raised;
    }

    JinjaException(String message) {
        this(message, 0, false);
    }

    JinjaException(String message, int line) {
        this(message, line, false);
    }

    /// The template called `raise_exception`: its words are for the caller as they are.
    static JinjaException raisedByTemplate(String message) {
        return new JinjaException(message, 0, true);
    }

    JinjaException at(int lineOfStatement) {
        return line > 0 ? this : new JinjaException(problem, lineOfStatement, raised);
    }

    /// In words for whoever sent the request or chose the model.
    String described() {
        if (raised) {
            return problem;
        }
        return "chat template" + (line > 0 ? ", line " + line : "") + ": " + problem;
    }
}
