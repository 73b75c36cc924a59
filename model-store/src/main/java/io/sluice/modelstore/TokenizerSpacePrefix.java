package io.sluice.modelstore;

/// Which pieces of a text get a space in front before they are encoded. A piece is what lies between special
/// tokens.
enum TokenizerSpacePrefix {
    NONE,
    /// Only a piece at the very start, and only if it does not begin with a space itself.
    FIRST_PIECE,
    /// All of them, whatever they begin with.
    EVERY_PIECE;

    String applied(String piece, boolean first) {
        return switch (this) {
            case NONE -> piece;
            case EVERY_PIECE -> " " + piece;
            case FIRST_PIECE -> first && !startsWithSpace(piece) ? " " + piece : piece;
        };
    }

    private static boolean startsWithSpace(String piece) {
        return piece.charAt(0) == ' ' || piece.charAt(0) == TokenizerSpelling.SPACE;
    }
}
