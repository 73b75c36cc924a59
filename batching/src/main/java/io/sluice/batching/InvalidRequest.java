package io.sluice.batching;

/// A request that could never be served, found while parsing it; carries the parameter's public name.
public final class InvalidRequest extends RuntimeException {
    private final String parameter;

    public InvalidRequest(String parameter, String problem) {
        super(parameter + " " + problem);
        this.parameter = parameter;
    }

    /// The name of the offending parameter as clients spell it.
    public String parameter() {
        return parameter;
    }
}
