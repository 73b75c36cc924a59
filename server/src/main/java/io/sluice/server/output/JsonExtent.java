package io.sluice.server.output;

/// Finds where a JSON value ends, without understanding it. One thread.
final class JsonExtent {
    private int depth;
    private boolean inString;
    private boolean escaped;
    private boolean begun;
    private boolean bare; // a number or a word: ends where something else begins
    private boolean ended;

    /// Takes the next letter.
    ///
    /// @return false if the value had ended before it
    boolean accept(char c) {
        if (ended) return false;
        if (inString) {
            string(c);
            return true;
        }
        boolean closes = c == '}' || c == ']';
        if (bare && depth == 0 && (closes || c == ',' || Character.isWhitespace(c))) {
            ended = true;
            return false;
        }
        if (!begun && Character.isWhitespace(c)) return true;
        if (!begun) bare = c != '{' && c != '[' && c != '"';
        begun = true;
        if (c == '"') inString = true;
        else if (c == '{' || c == '[') depth++;
        else if (closes && --depth == 0) ended = true;
        return true;
    }

    private void string(char c) {
        if (escaped) {
            escaped = false;
        } else if (c == '\\') {
            escaped = true;
        } else if (c == '"') {
            inString = false;
            ended = depth == 0;
        }
    }

    boolean ended() {
        return ended;
    }
}
