package io.sluice.server.output;

/// Reads a JSON string letter by letter, from behind its opening quote. One thread.
final class JsonLetters {
    private final StringBuilder text = new StringBuilder();
    private boolean escaped;
    private int hexLeft;
    private int hex;
    private boolean ended;

    /// Takes the next letter.
    ///
    /// @return true if it was the closing quote
    boolean accept(char c) {
        if (hexLeft > 0) {
            hex = hex * 16 + Math.max(0, Character.digit(c, 16));
            if (--hexLeft == 0) text.append((char) hex);
        } else if (escaped) {
            escaped = false;
            unescape(c);
        } else if (c == '\\') {
            escaped = true;
        } else if (c == '"') {
            ended = true;
        } else {
            text.append(c);
        }
        return ended;
    }

    private void unescape(char c) {
        switch (c) {
            case 'n' -> text.append('\n');
            case 't' -> text.append('\t');
            case 'r' -> text.append('\r');
            case 'b' -> text.append('\b');
            case 'f' -> text.append('\f');
            case 'u' -> {
                hexLeft = 4;
                hex = 0;
            }
            default -> text.append(c);
        }
    }

    /// What was read since it was last asked.
    String take() {
        String read = text.toString();
        text.setLength(0);
        return read;
    }
}
