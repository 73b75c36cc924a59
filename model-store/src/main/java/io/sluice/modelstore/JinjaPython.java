package io.sluice.modelstore;

import java.math.BigDecimal;
import java.util.List;
import java.util.Map;

/// How Python spells values: `repr`, and floating-point numbers.
final class JinjaPython {
    private JinjaPython() {}

    static String repr(Object value) {
        StringBuilder text = new StringBuilder();
        appendRepr(value, text, 0);
        return text.toString();
    }

    private static void appendRepr(Object value, StringBuilder text, int depth) {
        if (depth > JinjaBudget.VALUE_DEPTH_MAX) {
            throw JinjaBudget.tooDeep();
        }
        JinjaBudget.textLength(text.length());
        switch (value) {
            case JinjaText string -> appendString(string.text(), text);
            case Boolean flag -> text.append(flag ? "True" : "False");
            case Long number -> text.append(number.longValue());
            case Double number -> text.append(number(number));
            case List<?> list -> appendItems(list, "[", "]", text, depth);
            case JinjaValues.Tuple(List<Object> items) ->
                appendItems(items, "(", items.size() == 1 ? ",)" : ")", text, depth);
            case Map<?, ?> map -> {
                String separator = "{";
                for (Map.Entry<?, ?> entry : map.entrySet()) {
                    text.append(separator);
                    appendRepr(entry.getKey(), text, depth + 1);
                    text.append(": ");
                    appendRepr(entry.getValue(), text, depth + 1);
                    separator = ", ";
                }
                text.append(map.isEmpty() ? "{}" : "}");
            }
            case JinjaValues.Undefined undefined -> text.append("Undefined");
            default -> text.append(value == JinjaValues.NONE ? "None" : "<" + JinjaValues.typeName(value) + ">");
        }
    }

    private static void appendItems(List<?> items, String open, String close, StringBuilder text, int depth) {
        text.append(open);
        for (int i = 0; i < items.size(); i++) {
            text.append(i == 0 ? "" : ", ");
            appendRepr(items.get(i), text, depth + 1);
        }
        text.append(close);
    }

    private static void appendString(String string, StringBuilder text) {
        char quote = string.indexOf('\'') >= 0 && string.indexOf('"') < 0 ? '"' : '\'';
        text.append(quote);
        string.codePoints().forEach(c -> {
            switch (c) {
                case '\n' -> text.append("\\n");
                case '\r' -> text.append("\\r");
                case '\t' -> text.append("\\t");
                case '\\' -> text.append("\\\\");
                default -> {
                    if (c == quote) {
                        text.append('\\').append(quote);
                    } else if (isPrintable(c)) {
                        text.appendCodePoint(c);
                    } else {
                        text.append(String.format(c < 0x100 ? "\\x%02x" : c < 0x10000 ? "\\u%04x" : "\\U%08x", c));
                    }
                }
            }
        });
        text.append(quote);
    }

    private static boolean isPrintable(int codePoint) {
        return switch (Character.getType(codePoint)) {
            case Character.CONTROL,
                    Character.FORMAT,
                    Character.SURROGATE,
                    Character.PRIVATE_USE,
                    Character.UNASSIGNED,
                    Character.LINE_SEPARATOR,
                    Character.PARAGRAPH_SEPARATOR -> false;
            case Character.SPACE_SEPARATOR -> codePoint == ' ';
            default -> true;
        };
    }

    /// The shortest digits that give the number back, with an exponent where Python has one.
    static String number(double number) {
        if (Double.isNaN(number)) {
            return "nan";
        }
        if (Double.isInfinite(number)) {
            return number > 0 ? "inf" : "-inf";
        }
        if (number == 0) {
            return Double.toString(number); // with its sign
        }
        BigDecimal decimal = new BigDecimal(Double.toString(number)).stripTrailingZeros();
        int exponent = decimal.precision() - decimal.scale() - 1;
        if (exponent >= -4 && exponent < 16) {
            String plain = decimal.toPlainString();
            return plain.indexOf('.') >= 0 ? plain : plain + ".0";
        }
        String digits = decimal.unscaledValue().abs().toString();
        String fraction = digits.length() > 1 ? "." + digits.substring(1) : "";
        return (number < 0 ? "-" : "") + digits.charAt(0) + fraction + "e" + (exponent < 0 ? "-" : "+")
                + (Math.abs(exponent) < 10 ? "0" : "") + Math.abs(exponent);
    }
}
