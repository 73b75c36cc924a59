package io.sluice.server.output;

/// Looks for a marker in a growing text, and holds back what may become one: its beginning, and white space before it,
/// which is dropped together with it. White space without end costs no more than other text. One thread.
final class MarkerWatch {
    private final String marker;
    private final StringBuilder space = new StringBuilder(); // before what may be the marker
    private final StringBuilder begun = new StringBuilder(); // of the marker
    private final StringBuilder certain = new StringBuilder();

    MarkerWatch(String marker) {
        this.marker = marker;
    }

    /// Takes the next character.
    ///
    /// @return true if the marker is complete; what was held back is gone then
    boolean accept(char c) {
        if (begun.isEmpty() && Character.isWhitespace(c)) {
            space.append(c);
            return false;
        }
        begun.append(c);
        if (marker.startsWith(begun.toString())) {
            if (begun.length() < marker.length()) return false;
            finish();
            return true;
        }
        String rest = begun.substring(1);
        certain.append(space).append(begun.charAt(0));
        space.setLength(0);
        begun.setLength(0);
        // Less than a marker, it may still be the beginning of one.
        for (int i = 0; i < rest.length(); i++) accept(rest.charAt(i));
        return false;
    }

    /// What has become certain not to be part of a marker since it was last asked.
    String takeCertain() {
        String text = certain.toString();
        certain.setLength(0);
        return text;
    }

    /// The text has ended: what was held back is text.
    String finish() {
        String text = space.append(begun).toString();
        space.setLength(0);
        begun.setLength(0);
        return text;
    }
}
