package io.sluice.benchmarks.load;

import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeParseException;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/// Status and headers of an answer. A value.
///
/// @param headers by their names in lower case; of several equal ones the last
record ResponseHead(int status, Map<String, String> headers) {
    private static final double RETRY_SECONDS_MAX = 1e6;

    ResponseHead {
        headers = Map.copyOf(headers);
    }

    /// @throws IOException if it is no HTTP/1 answer
    static ResponseHead parse(String text) throws IOException {
        List<String> lines = text.lines().toList();
        String[] first = lines.isEmpty() ? new String[0] : lines.getFirst().split(" ", 3);
        if (first.length < 2 || !first[0].startsWith("HTTP/1.") || !first[1].matches("[1-5][0-9][0-9]")) {
            throw new IOException("the answer is not HTTP/1: " + (lines.isEmpty() ? "nothing" : lines.getFirst()));
        }
        Map<String, String> headers = new HashMap<>();
        for (String line : lines.subList(1, lines.size())) {
            int colon = line.indexOf(':');
            if (colon > 0) {
                headers.put(
                        line.substring(0, colon).toLowerCase(Locale.ROOT),
                        line.substring(colon + 1).strip());
            }
        }
        return new ResponseHead(Integer.parseInt(first[1]), headers);
    }

    private String header(String name) {
        return headers.getOrDefault(name, "");
    }

    boolean isChunked() {
        return header("transfer-encoding").toLowerCase(Locale.ROOT).endsWith("chunked");
    }

    boolean isEventStream() {
        return header("content-type").toLowerCase(Locale.ROOT).startsWith("text/event-stream");
    }

    /// True if the server closes the connection after the answer.
    boolean closes() {
        return header("connection").equalsIgnoreCase("close");
    }

    /// Length of the body, or -1 where it is not said.
    long contentLength() {
        String length = header("content-length");
        return length.matches("[0-9]{1,18}") ? Long.parseLong(length) : -1;
    }

    /// When to come back, if the server says so: in milliseconds (as OpenAI's clients read first), seconds,
    /// or as a date.
    Optional<Duration> retryAfter(Instant now) {
        Optional<Duration> ms = number(header("retry-after-ms"), 1e-3);
        if (ms.isPresent()) return ms;
        Optional<Duration> seconds = number(header("retry-after"), 1);
        if (seconds.isPresent()) return seconds;
        try {
            Instant at = ZonedDateTime.parse(header("retry-after"), DateTimeFormatter.RFC_1123_DATE_TIME)
                    .toInstant();
            return Optional.of(at.isAfter(now) ? Duration.between(now, at) : Duration.ZERO);
        } catch (DateTimeParseException e) {
            return Optional.empty();
        }
    }

    private static Optional<Duration> number(String text, double unitSeconds) {
        if (!text.matches("[0-9]{1,9}(\\.[0-9]{1,9})?")) return Optional.empty();
        double seconds = Math.min(Double.parseDouble(text) * unitSeconds, RETRY_SECONDS_MAX);
        return Optional.of(Duration.ofNanos((long) (seconds * 1e9)));
    }
}
