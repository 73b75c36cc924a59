package io.sluice.modelstore;

import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/// Writes values as Python's `json.dumps` does, which puts a space behind commas and colons. One thread.
final class JinjaJson {
    private final StringBuilder text = new StringBuilder();
    private final int indent; // per level; negative for one line
    private final String itemSeparator;
    private final String keySeparator;
    private final boolean asciiOnly;
    private final boolean sortKeys;

    /// @param indent spaces per level; negative for all on one line
    JinjaJson(int indent, String itemSeparator, String keySeparator, boolean asciiOnly, boolean sortKeys) {
        this.indent = indent;
        this.itemSeparator = itemSeparator;
        this.keySeparator = keySeparator;
        this.asciiOnly = asciiOnly;
        this.sortKeys = sortKeys;
    }

    String write(Object value) {
        append(value, 1);
        return text.toString();
    }

    private void append(Object value, int level) {
        if (level > JinjaBudget.VALUE_DEPTH_MAX) {
            throw JinjaBudget.tooDeep();
        }
        JinjaBudget.textLength(text.length());
        switch (value) {
            case JinjaText string -> appendString(string.text());
            case Boolean flag -> text.append(flag.booleanValue());
            case Long number -> text.append(number.longValue());
            case Double number -> text.append(number(number));
            case List<?> list -> appendList(list, level);
            case JinjaValues.Tuple(List<Object> items) -> appendList(items, level);
            case Map<?, ?> map -> appendMap(map, level);
            default -> {
                if (value != JinjaValues.NONE) {
                    throw new JinjaException("a value of type " + JinjaValues.typeName(value) + " has no JSON");
                }
                text.append("null");
            }
        }
    }

    private static String number(double number) {
        if (Double.isNaN(number)) {
            return "NaN";
        }
        if (Double.isInfinite(number)) {
            return number > 0 ? "Infinity" : "-Infinity";
        }
        return JinjaPython.number(number);
    }

    private void appendList(List<?> items, int level) {
        if (items.isEmpty()) {
            text.append("[]");
            return;
        }
        text.append('[');
        for (int i = 0; i < items.size(); i++) {
            text.append(i == 0 ? "" : itemSeparator);
            newLine(level);
            append(items.get(i), level + 1);
        }
        newLine(level - 1);
        text.append(']');
    }

    private void appendMap(Map<?, ?> map, int level) {
        if (map.isEmpty()) {
            text.append("{}");
            return;
        }
        text.append('{');
        Stream<? extends Map.Entry<?, ?>> entries = map.entrySet().stream();
        if (sortKeys) {
            entries = entries.sorted(Comparator.comparing(Map.Entry::getKey, JinjaValues::compare));
        }
        String[] separator = {""};
        entries.forEach(entry -> {
            text.append(separator[0]);
            newLine(level);
            appendKey(entry.getKey());
            text.append(keySeparator);
            append(entry.getValue(), level + 1);
            separator[0] = itemSeparator;
        });
        newLine(level - 1);
        text.append('}');
    }

    private void appendKey(Object key) {
        if (key instanceof JinjaText name) {
            appendString(name.text());
        } else {
            text.append('"');
            append(key, 0);
            text.append('"');
        }
    }

    private void newLine(int level) {
        if (indent >= 0) {
            text.append('\n').repeat(' ', indent * level);
        }
    }

    private void appendString(String string) {
        text.append('"');
        for (int i = 0; i < string.length(); i++) {
            char c = string.charAt(i);
            switch (c) {
                case '"' -> text.append("\\\"");
                case '\\' -> text.append("\\\\");
                case '\n' -> text.append("\\n");
                case '\r' -> text.append("\\r");
                case '\t' -> text.append("\\t");
                case '\b' -> text.append("\\b");
                case '\f' -> text.append("\\f");
                default -> {
                    if (c < 0x20 || (asciiOnly && c > 0x7e)) {
                        text.append(String.format("\\u%04x", (int) c));
                    } else {
                        text.append(c);
                    }
                }
            }
        }
        text.append('"');
    }
}
