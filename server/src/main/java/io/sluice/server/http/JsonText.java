package io.sluice.server.http;

import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/// Writes plain values as JSON: maps, lists, text, numbers, truth values, moments; `Optional.empty()` is
/// null. For answers that are read by people and scripts, not for streams. Any thread.
public final class JsonText {

    /// A time, written in milliseconds with three places.
    public record Millis(long ns) {
        @Override
        public String toString() {
            long micros = Math.abs(ns / 1000);
            return (ns < 0 ? "-" : "") + String.format(Locale.ROOT, "%d.%03d", micros / 1000, micros % 1000);
        }
    }

    private JsonText() {}

    public static byte[] of(Object value) {
        JsonOut out = new JsonOut();
        write(out, value);
        return out.raw("\n").toBytes();
    }

    public static void write(JsonOut out, Object value) {
        switch (value) {
            case Map<?, ?> map -> {
                String separator = "{";
                for (Map.Entry<?, ?> entry : map.entrySet()) {
                    out.raw(separator).string(String.valueOf(entry.getKey())).raw(":");
                    write(out, entry.getValue());
                    separator = ",";
                }
                out.raw(map.isEmpty() ? "{}" : "}");
            }
            case Iterable<?> list -> {
                out.raw("[");
                String separator = "";
                for (Object element : list) {
                    out.raw(separator);
                    write(out, element);
                    separator = ",";
                }
                out.raw("]");
            }
            case Optional<?> optional -> {
                if (optional.isPresent()) write(out, optional.get());
                else out.raw("null");
            }
            case Long number -> out.number(number);
            case Integer number -> out.number((long) number);
            case Double number -> out.raw(Double.isFinite(number) ? number.toString() : "null");
            case Boolean truth -> out.raw(truth.toString());
            case Millis millis -> out.raw(millis.toString());
            default -> out.string(value.toString());
        }
    }
}
