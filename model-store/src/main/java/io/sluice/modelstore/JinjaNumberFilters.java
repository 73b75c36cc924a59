package io.sluice.modelstore;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.regex.Pattern;

/// The filters that make numbers.
final class JinjaNumberFilters {
    private static final Pattern FLOATING = Pattern.compile("[+-]?(\\d+\\.?\\d*|\\.\\d+)([eE][+-]?\\d{1,4})?");

    private JinjaNumberFilters() {}

    static Object integer(Object value, Object otherwise) {
        if (value instanceof Long || value instanceof Boolean) {
            return JinjaValues.toLong(value);
        }
        Object number = value instanceof Double ? value : floating(value, JinjaValues.NONE);
        if (value instanceof JinjaText text) {
            try {
                return Long.parseLong(text.text().strip().replace("_", ""));
            } catch (NumberFormatException e) {
                // then as Jinja does: by way of a floating-point number
            }
        }
        return number instanceof Double d && Math.abs(d) < 0x1p63 ? (Object) (long) (double) d : otherwise;
    }

    static Object floating(Object value, Object otherwise) {
        if (JinjaValues.isNumber(value)) {
            return JinjaValues.toDouble(value);
        }
        String text = value instanceof JinjaText given ? given.text().strip().replace("_", "") : "";
        return FLOATING.matcher(text).matches() ? (Object) Double.parseDouble(text) : otherwise;
    }

    static Object rounded(Object value, JinjaArguments arguments) {
        if (!JinjaValues.isNumber(JinjaValues.defined(value))) {
            throw new JinjaException("the filter 'round' needs a number, not " + JinjaValues.typeName(value));
        }
        int precision = Math.clamp(arguments.integer(0, "precision", 0), -300, 300);
        RoundingMode mode = switch (JinjaValues.text(arguments.get(1, "method", JinjaText.template("common")))
                .text()) {
            case "common" -> RoundingMode.HALF_EVEN;
            case "ceil" -> RoundingMode.CEILING;
            case "floor" -> RoundingMode.FLOOR;
            default -> throw new JinjaException("round can be 'common', 'ceil' or 'floor'");
        };
        if (value instanceof Long whole && mode == RoundingMode.HALF_EVEN) { // Python keeps it an integer
            return BigDecimal.valueOf(whole)
                    .setScale(Math.min(0, precision), mode)
                    .longValue();
        }
        double number = JinjaValues.toDouble(value);
        return Double.isFinite(number)
                ? new BigDecimal(number).setScale(precision, mode).doubleValue()
                : number;
    }
}
