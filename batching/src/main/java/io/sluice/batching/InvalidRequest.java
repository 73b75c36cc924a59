package io.sluice.batching;

/// A request that could never be served, found while parsing it; carries the parameter's public name.
public final class InvalidRequest extends RuntimeException {
    private final String parameter;
    private final String problem;

    public InvalidRequest(String parameter, String problem) {
        super(parameter + " " + problem);
        this.parameter = parameter;
        this.problem = problem;
    }

    /// What is wrong with it, as the rest of a sentence that begins with its name.
    public String problem() {
        return problem;
    }

    /// The name of the offending parameter as clients spell it.
    public String parameter() {
        return parameter;
    }
}
