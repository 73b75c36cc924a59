package io.sluice.server.batches;

import io.sluice.server.http.ApiError;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Takes a `multipart/form-data` body apart, as RFC 7578 has it. Any thread.
final class Multipart {
    private static final int PARTS_MAX = 32;
    private static final int BOUNDARY_MAX = 70;
    private static final Pattern BOUNDARY = Pattern.compile(
            "multipart/form-data\\s*;.*?boundary=(?:\"([^\"]+)\"|([^;\\s]+)).*", Pattern.CASE_INSENSITIVE);
    private static final Pattern NAME = Pattern.compile("[;\\s]name=(?:\"([^\"]*)\"|([^;\\s]+))");
    private static final Pattern FILE_NAME = Pattern.compile("[;\\s]filename=(?:\"([^\"]*)\"|([^;\\s]+))");

    private final byte[] body;
    private final byte[] delimiter;
    private int at;

    /// One part. A value.
    record Part(Optional<String> fileName, byte[] content) {
        String text() {
            return new String(content, StandardCharsets.UTF_8);
        }
    }

    private Multipart(byte[] body, String boundary) {
        this.body = body;
        this.delimiter = ("\r\n--" + boundary).getBytes(StandardCharsets.US_ASCII);
    }

    /// The parts, by their names.
    ///
    /// @throws ApiError if it is none
    static Map<String, Part> parse(String contentType, byte[] body) {
        Matcher matcher = BOUNDARY.matcher(contentType);
        if (!matcher.matches()) throw broken("its Content-Type must be multipart/form-data with a boundary");
        String boundary = first(matcher);
        if (boundary.length() > BOUNDARY_MAX) throw broken("its boundary is longer than " + BOUNDARY_MAX);
        return new Multipart(body, boundary).parts();
    }

    private Map<String, Part> parts() {
        Map<String, Part> parts = new HashMap<>();
        // The first delimiter may stand at the very beginning, without the line's end before it.
        at = startsAt(0, 2) ? delimiter.length - 2 : after(find(delimiter, 0));
        while (!isEnd()) {
            if (parts.size() >= PARTS_MAX) throw broken("it has more than " + PARTS_MAX + " parts");
            part(parts);
        }
        return parts;
    }

    /// `--` behind a delimiter.
    private boolean isEnd() {
        return at + 1 < body.length && body[at] == '-' && body[at + 1] == '-';
    }

    private void part(Map<String, Part> parts) {
        byte[] emptyLine = {'\r', '\n', '\r', '\n'};
        int headEnd = find(emptyLine, at);
        int end = headEnd < 0 ? -1 : find(delimiter, headEnd + 2);
        if (end < 0) throw broken("it ends in the middle of a part");
        String head = new String(body, at, headEnd - at, StandardCharsets.UTF_8);
        int start = Math.min(headEnd + emptyLine.length, end);
        byte[] content = Arrays.copyOfRange(body, start, end);
        Matcher name = NAME.matcher(head);
        if (!name.find()) throw broken("a part has no name");
        Matcher fileName = FILE_NAME.matcher(head);
        parts.put(first(name), new Part(fileName.find() ? Optional.of(first(fileName)) : Optional.empty(), content));
        at = after(end);
    }

    private int after(int delimiterAt) {
        if (delimiterAt < 0) throw broken("its boundary is not in it");
        return delimiterAt + delimiter.length;
    }

    private int find(byte[] wanted, int from) {
        for (int start = from; start + wanted.length <= body.length; start++) {
            int i = 0;
            while (i < wanted.length && body[start + i] == wanted[i]) i++;
            if (i == wanted.length) return start;
        }
        return -1;
    }

    private boolean startsAt(int start, int skipped) {
        if (start + delimiter.length - skipped > body.length) return false;
        for (int i = skipped; i < delimiter.length; i++) {
            if (body[start + i - skipped] != delimiter[i]) return false;
        }
        return true;
    }

    private static String first(Matcher matcher) {
        String quoted = matcher.group(1);
        return quoted == null ? matcher.group(2) : quoted;
    }

    private static ApiError broken(String why) {
        return ApiError.invalid(null, "The request's body is no form: " + why + ".");
    }
}
