package io.sluice.server.http;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/// Writes JSON as UTF-8 into a growing buffer: constants as ready bytes, values escaped. Hot path: once per event; no
/// allocation but the buffer's growth. One thread.
public final class JsonOut {
    private static final byte[] HEX = "0123456789abcdef".getBytes(StandardCharsets.US_ASCII);
    private static final byte[] NULL = bytes("null");
    private static final char REPLACEMENT = '\uFFFD';

    private byte[] buffer = new byte[256];
    private int length;

    /// Ready bytes of a constant piece of JSON.
    public static byte[] bytes(String json) {
        return json.getBytes(StandardCharsets.UTF_8);
    }

    /// Forgets what was written.
    public JsonOut clear() {
        length = 0;
        return this;
    }

    public JsonOut raw(byte[] json) {
        reserve(json.length);
        System.arraycopy(json, 0, buffer, length, json.length);
        length += json.length;
        return this;
    }

    /// A constant piece of JSON; ASCII only.
    public JsonOut raw(String json) {
        reserve(json.length());
        for (int i = 0; i < json.length(); i++) buffer[length++] = (byte) json.charAt(i);
        return this;
    }

    public JsonOut number(long value) {
        if (value < 0 || value > 9) return raw(Long.toString(value));
        reserve(1);
        buffer[length++] = (byte) ('0' + value);
        return this;
    }

    /// JSON knows no infinities: they become the nearest number that a client can compute with.
    public JsonOut number(float value) {
        if (Float.isNaN(value)) return raw(NULL);
        return raw(Float.toString(Math.clamp(value, -9999f, 9999f)));
    }

    /// The text in quotes, or `null`.
    public JsonOut string(@Nullable CharSequence text) {
        if (text == null) return raw(NULL);
        reserve(2);
        buffer[length++] = '"';
        escaped(text);
        reserve(1);
        buffer[length++] = '"';
        return this;
    }

    /// The text as it stands between quotes that the caller writes.
    public JsonOut inString(CharSequence text) {
        escaped(text);
        return this;
    }

    public byte[] toBytes() {
        return Arrays.copyOf(buffer, length);
    }

    /// The buffer itself, valid up to `length()` and until the next write.
    public byte[] buffer() {
        return buffer;
    }

    public int length() {
        return length;
    }

    @Override
    public String toString() {
        return new String(buffer, 0, length, StandardCharsets.UTF_8);
    }

    private void escaped(CharSequence text) {
        int count = text.length();
        reserve(count + 6); // enough, as long as nothing is to be escaped
        for (int i = 0; i < count; i++) {
            char c = text.charAt(i);
            if (buffer.length - length < 6) reserve(6);
            if (c >= 0x20 && c < 0x7F && c != '"' && c != '\\') {
                buffer[length++] = (byte) c;
            } else if (c < 0x80) {
                control(c);
            } else if (!Character.isSurrogate(c)) {
                twoOrThree(c);
            } else if (Character.isHighSurrogate(c) && i + 1 < count && Character.isLowSurrogate(text.charAt(i + 1))) {
                four(Character.toCodePoint(c, text.charAt(++i)));
            } else {
                twoOrThree(REPLACEMENT);
            }
        }
    }

    private void control(char c) {
        buffer[length++] = '\\';
        switch (c) {
            case '"', '\\' -> buffer[length++] = (byte) c;
            case '\n' -> buffer[length++] = 'n';
            case '\r' -> buffer[length++] = 'r';
            case '\t' -> buffer[length++] = 't';
            default -> {
                buffer[length++] = 'u';
                buffer[length++] = '0';
                buffer[length++] = '0';
                buffer[length++] = HEX[c >> 4];
                buffer[length++] = HEX[c & 15];
            }
        }
    }

    private void twoOrThree(char c) {
        if (c < 0x800) {
            buffer[length++] = (byte) (0xC0 | (c >> 6));
        } else {
            buffer[length++] = (byte) (0xE0 | (c >> 12));
            buffer[length++] = (byte) (0x80 | ((c >> 6) & 0x3F));
        }
        buffer[length++] = (byte) (0x80 | (c & 0x3F));
    }

    private void four(int codePoint) {
        buffer[length++] = (byte) (0xF0 | (codePoint >> 18));
        buffer[length++] = (byte) (0x80 | ((codePoint >> 12) & 0x3F));
        buffer[length++] = (byte) (0x80 | ((codePoint >> 6) & 0x3F));
        buffer[length++] = (byte) (0x80 | (codePoint & 0x3F));
    }

    private void reserve(int count) {
        if (buffer.length - length < count) buffer = Arrays.copyOf(buffer, Math.max(length + count, buffer.length * 2));
    }
}
