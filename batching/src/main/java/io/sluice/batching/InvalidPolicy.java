package io.sluice.batching;

/// A class or a tenant that cannot be.
public final class InvalidPolicy extends RuntimeException {
    private final String field;

    /// @param field the offending field, as policy files call it
    /// @param problem the rest of a sentence that begins with the field's name
    public InvalidPolicy(String field, String problem) {
        super(problem);
        this.field = field;
    }

    public String field() {
        return field;
    }
}
