package io.sluice.modelstore;

/// One token of a template. A value.
///
/// @param text of `DATA` the text as it is put out, of `STRING` its value without quotes, otherwise as
///     written
record JinjaToken(Kind kind, String text, int line) {
    enum Kind {
        DATA,
        BLOCK_BEGIN,
        BLOCK_END,
        PRINT_BEGIN,
        PRINT_END,
        NAME,
        STRING,
        INTEGER,
        FLOAT,
        OPERATOR,
        END
    }

    boolean is(Kind other, String otherText) {
        return kind == other && text.equals(otherText);
    }

    @Override
    public String toString() {
        return switch (kind) {
            case END -> "the end of the template";
            case BLOCK_END -> "'%}'";
            case PRINT_END -> "'}}'";
            case DATA -> "text";
            case STRING -> "string '" + text + "'";
            case BLOCK_BEGIN, PRINT_BEGIN, NAME, INTEGER, FLOAT, OPERATOR -> "'" + text + "'";
        };
    }
}
