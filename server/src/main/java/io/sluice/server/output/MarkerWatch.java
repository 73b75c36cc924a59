package io.sluice.server.output;

/// Looks for a marker in a growing text, and holds back what may become one: its beginning, and white space before it,
/// which is dropped together with it. One thread.
final class MarkerWatch {
    private final String marker;
    private final StringBuilder held = new StringBuilder();
    private final StringBuilder certain = new StringBuilder();

    MarkerWatch(String marker) {
        this.marker = marker;
    }

    /// Takes the next character.
    ///
    /// @return true if the marker is complete; what was held back is gone then
    boolean accept(char c) {
        held.append(c);
        while (!held.isEmpty()) {
            int start = firstVisible();
            if (start == held.length() || marker.startsWith(held.substring(start))) break;
            certain.append(held.charAt(0));
            held.deleteCharAt(0);
        }
        boolean found = held.length() - firstVisible() == marker.length();
        if (found) held.setLength(0);
        return found;
    }

    /// What has become certain not to be part of a marker since it was last asked.
    String takeCertain() {
        String text = certain.toString();
        certain.setLength(0);
        return text;
    }

    /// The text has ended: what was held back is text.
    String finish() {
        String text = held.toString();
        held.setLength(0);
        return text;
    }

    private int firstVisible() {
        int start = 0;
        while (start < held.length() && Character.isWhitespace(held.charAt(start))) start++;
        return start;
    }
}
