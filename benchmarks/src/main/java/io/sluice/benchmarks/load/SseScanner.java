package io.sluice.benchmarks.load;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/// Finds the tokens in an event stream without parsing its JSON: an event brings text if one of the fields
/// that hold text is a string that is not empty. Inside a JSON string every quote has a backslash before it,
/// so text that looks like a field is never taken for one. Hot path: no allocation while lines come whole.
/// One thread.
///
/// An event with an error or with the usage is rare: its line is kept for whoever parses it.
final class SseScanner implements BodyReader.Sink {

    /// A longer line is no event that we know.
    private static final int LINE_BYTES_MAX = 4 << 20;

    private static final byte[] DATA = bytes("data:");
    private static final byte[] DONE = bytes("[DONE]");
    private static final byte[] CONTENT = bytes("content\"");
    private static final byte[] REASONING_CONTENT = bytes("reasoning_content\"");
    private static final byte[] REASONING = bytes("reasoning\"");
    private static final byte[] TEXT = bytes("text\"");
    private static final byte[] ARGUMENTS = bytes("arguments\"");
    private static final byte[] ERROR = bytes("error\"");
    private static final byte[] USAGE = bytes("usage\"");
    private static final byte[] FINISH_REASON = bytes("finish_reason\"");

    private byte[] broken = new byte[256]; // [0, brokenLength): the beginning of a line whose end has to come
    private int brokenLength;
    private int texts;
    private int comments;
    private boolean done;
    private boolean finished;
    private byte[] error = {};
    private byte[] usage = {};

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    /// Forgets everything, for another answer.
    void reset() {
        brokenLength = 0;
        texts = 0;
        comments = 0;
        done = false;
        finished = false;
        error = new byte[0];
        usage = new byte[0];
    }

    @Override
    public void accept(byte[] bytes, int from, int to) throws IOException {
        int start = from;
        for (int i = from; i < to; i++) {
            if (bytes[i] != '\n') continue;
            if (brokenLength > 0) {
                keep(bytes, start, i);
                int length = brokenLength;
                brokenLength = 0;
                line(broken, 0, length);
            } else {
                line(bytes, start, i);
            }
            start = i + 1;
        }
        if (start < to) keep(bytes, start, to);
    }

    private void keep(byte[] bytes, int from, int to) throws IOException {
        int length = brokenLength + to - from;
        if (length > LINE_BYTES_MAX) throw new IOException("a line of the event stream has no end");
        if (length > broken.length) broken = Arrays.copyOf(broken, Math.max(length, 2 * broken.length));
        System.arraycopy(bytes, from, broken, brokenLength, to - from);
        brokenLength = length;
    }

    private void line(byte[] bytes, int from, int to) {
        if (from == to) return;
        if (bytes[from] == ':') {
            comments++;
            return;
        }
        if (!startsWith(bytes, from, to, DATA)) return;
        int at = from + DATA.length;
        while (at < to && bytes[at] == ' ') at++;
        if (startsWith(bytes, at, to, DONE)) done = true;
        else event(bytes, at, to);
    }

    private void event(byte[] bytes, int from, int to) {
        boolean hasText = false;
        for (int i = from; i + 1 < to; i++) {
            if (bytes[i] != '"') continue;
            switch (bytes[i + 1]) {
                case 'c' -> hasText |= isText(bytes, i + 1, to, CONTENT);
                case 't' -> hasText |= isText(bytes, i + 1, to, TEXT);
                case 'a' -> hasText |= isText(bytes, i + 1, to, ARGUMENTS);
                case 'r' ->
                    hasText |= isText(bytes, i + 1, to, REASONING_CONTENT) || isText(bytes, i + 1, to, REASONING);
                case 'f' -> finished |= isText(bytes, i + 1, to, FINISH_REASON);
                case 'e' -> {
                    if (isPresent(bytes, i + 1, to, ERROR)) error = Arrays.copyOfRange(bytes, from, to);
                }
                case 'u' -> {
                    if (isPresent(bytes, i + 1, to, USAGE)) usage = Arrays.copyOfRange(bytes, from, to);
                }
                default -> {}
            }
        }
        if (hasText) texts++;
    }

    /// True if the field is a string that is not empty.
    private static boolean isText(byte[] bytes, int at, int to, byte[] field) {
        int value = value(bytes, at, to, field);
        return value + 1 < to && bytes[value] == '"' && bytes[value + 1] != '"';
    }

    /// True if the field is there and not `null`.
    private static boolean isPresent(byte[] bytes, int at, int to, byte[] field) {
        int value = value(bytes, at, to, field);
        return value < to && bytes[value] != 'n';
    }

    /// Where the field's value begins, or `to` if this is another field, or no field.
    private static int value(byte[] bytes, int at, int to, byte[] field) {
        if (!startsWith(bytes, at, to, field)) return to;
        int i = at + field.length;
        while (i < to && bytes[i] == ' ') i++;
        if (i == to || bytes[i] != ':') return to;
        i++;
        while (i < to && bytes[i] == ' ') i++;
        return i;
    }

    private static boolean startsWith(byte[] bytes, int from, int to, byte[] prefix) {
        return to - from >= prefix.length && Arrays.equals(bytes, from, from + prefix.length, prefix, 0, prefix.length);
    }

    /// Events with text so far: tokens, where the server sends each by itself.
    int texts() {
        return texts;
    }

    /// Comments so far: heartbeats.
    int comments() {
        return comments;
    }

    /// True once `[DONE]` came.
    boolean isDone() {
        return done;
    }

    /// True once an event said why the answer ends.
    boolean isFinished() {
        return finished;
    }

    /// The JSON of an error event, or nothing.
    byte[] error() {
        return error;
    }

    /// The JSON of the latest event with a usage, or nothing.
    byte[] usage() {
        return usage;
    }
}
