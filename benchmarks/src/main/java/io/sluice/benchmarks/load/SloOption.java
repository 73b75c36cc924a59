package io.sluice.benchmarks.load;

import io.sluice.benchmarks.traffic.Slo;
import java.time.Duration;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// What `--slo` says. A value.
///
/// @param className which class it is for
record SloOption(String className, Slo slo) {
    private static final Pattern SPAN = Pattern.compile("([0-9]{1,9})(ms|s|m)");
    private static final String SHAPE = "must be like interactive:ttft=500ms,itl=50ms or batch:e2e=60s, got \"";

    /// `class:ttft=500ms,itl=50ms` or `class:e2e=60s`, that much for each 1,000 output tokens begun.
    static SloOption of(String text) {
        int colon = text.indexOf(':');
        if (colon < 1) throw new IllegalArgumentException(SHAPE + text + "\"");
        String className = text.substring(0, colon);
        List<String> parts = List.of(text.substring(colon + 1).split(",", -1));
        if (parts.size() == 1 && parts.getFirst().startsWith("e2e=")) {
            return new SloOption(className, new Slo.WholeAnswer(span(parts.getFirst(), "e2e=", text)));
        }
        if (parts.size() != 2) throw new IllegalArgumentException(SHAPE + text + "\"");
        return new SloOption(
                className, new Slo.Stream(span(parts.get(0), "ttft=", text), span(parts.get(1), "itl=", text)));
    }

    private static Duration span(String part, String name, String whole) {
        Matcher matcher = SPAN.matcher(part.startsWith(name) ? part.substring(name.length()) : "");
        if (!matcher.matches()) throw new IllegalArgumentException(SHAPE + whole + "\"");
        return duration(matcher);
    }

    /// A time such as 500ms, 10s or 5m.
    static Duration span(String text) {
        Matcher matcher = SPAN.matcher(text);
        if (!matcher.matches()) {
            throw new IllegalArgumentException("must be a time such as 500ms, 10s or 5m, got \"" + text + "\"");
        }
        return duration(matcher);
    }

    private static Duration duration(Matcher matcher) {
        long count = Long.parseLong(matcher.group(1));
        return switch (matcher.group(2)) {
            case "ms" -> Duration.ofMillis(count);
            case "s" -> Duration.ofSeconds(count);
            default -> Duration.ofMinutes(count);
        };
    }
}
