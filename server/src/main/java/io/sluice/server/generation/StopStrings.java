package io.sluice.server.generation;

import java.util.List;
import org.jspecify.annotations.Nullable;

/// Decides how much of a growing text may be shown: nothing of a stop text, not even its beginning while it may still
/// become one. The outcome does not depend on how the text was cut into pieces. One thread.
final class StopStrings {
    private final List<String> stops;
    private final boolean shown; // the stop text itself is part of the output
    private final StringBuilder held = new StringBuilder();
    private @Nullable String found;

    StopStrings(List<String> stops) {
        this(stops, false);
    }

    private StopStrings(List<String> stops, boolean shown) {
        this.stops = stops;
        this.shown = shown;
    }

    /// The same, but the stop text that is found is shown.
    static StopStrings shown(List<String> stops) {
        return new StopStrings(stops, true);
    }

    /// Takes the next piece and gives what became certain. After a stop text was found, everything is swallowed.
    String append(String piece) {
        if (found() || stops.isEmpty()) return found() ? "" : piece;
        held.append(piece);
        int cut = findCut();
        if (found != null) {
            String certain = held.substring(0, shown ? cut + found.length() : cut);
            held.setLength(0);
            return certain;
        }
        return release(held.length() - possibleBeginning());
    }

    /// The text is complete: what was held back is no stop text after all.
    String finish() {
        return release(held.length());
    }

    /// True once a stop text was met.
    boolean found() {
        return found != null;
    }

    /// The stop text that was met; null if none was.
    @Nullable
    String foundText() {
        return found;
    }

    /// Finds the stop text that is complete first.
    ///
    /// @return its start, or -1
    private int findCut() {
        int firstEnd = Integer.MAX_VALUE;
        int start = -1;
        for (String stop : stops) {
            int at = held.indexOf(stop);
            if (at < 0) continue;
            int end = at + stop.length();
            if (end < firstEnd || (end == firstEnd && at < start)) {
                firstEnd = end;
                start = at;
                found = stop;
            }
        }
        return start;
    }

    /// Length of the longest end of the text that is the beginning of a stop text.
    private int possibleBeginning() {
        int longest = 0;
        for (String stop : stops) {
            int length = Math.min(stop.length() - 1, held.length());
            while (length > longest && !endsWithBeginningOf(stop, length)) length--;
            longest = Math.max(longest, length);
        }
        return longest;
    }

    private boolean endsWithBeginningOf(String stop, int length) {
        int offset = held.length() - length;
        for (int i = 0; i < length; i++) {
            if (held.charAt(offset + i) != stop.charAt(i)) return false;
        }
        return true;
    }

    private String release(int length) {
        String shown = held.substring(0, length);
        held.delete(0, length);
        return shown;
    }
}
