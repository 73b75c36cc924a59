package io.sluice.modelstore;

import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Python's two ways to put values into a string: `%` and `str.format`, as far as chat templates need them.
final class JinjaFormat {
    private static final Pattern PERCENT = Pattern.compile("%(-?)(0?)(\\d{0,3})(?:\\.(\\d{1,2}))?([sdifrx%])");
    private static final Pattern BRACES = Pattern.compile("\\{\\{|}}|\\{(\\w*)}");

    private final JinjaBudget budget;

    JinjaFormat(JinjaBudget budget) {
        this.budget = budget;
    }

    JinjaText percent(JinjaText format, List<Object> values) {
        JinjaText.Builder result = new JinjaText.Builder();
        Matcher matcher = PERCENT.matcher(format.text());
        int at = 0;
        int next = 0;
        while (matcher.find()) {
            requireNoPercent(format.substring(at, matcher.start()));
            result.append(format.substring(at, matcher.start()));
            at = matcher.end();
            if (matcher.group(5).equals("%")) {
                result.append(JinjaText.template("%"));
                continue;
            }
            if (next == values.size()) {
                throw new JinjaException("there are not enough values for the format string");
            }
            result.append(padded(converted(matcher, values.get(next++)), matcher));
            budget.text(result.length());
        }
        requireNoPercent(format.substring(at, format.text().length()));
        if (next < values.size()) {
            throw new JinjaException("not all values were used by the format string");
        }
        return result.append(format.substring(at, format.text().length())).build();
    }

    private static void requireNoPercent(JinjaText literal) {
        if (literal.text().contains("%")) {
            throw new JinjaException("a format string has a conversion that is not supported");
        }
    }

    private static JinjaText converted(Matcher conversion, Object value) {
        String digits = conversion.group(4);
        return switch (conversion.group(5)) {
            case "s" -> JinjaValues.text(value);
            case "r" -> JinjaText.user(JinjaPython.repr(value));
            case "f" ->
                JinjaText.user(String.format(
                        Locale.ROOT,
                        "%." + (digits == null ? "6" : digits) + "f",
                        JinjaValues.toDouble(number(value))));
            case "x" -> JinjaText.user(Long.toHexString(JinjaValues.toLong(number(value))));
            default -> JinjaText.user(Long.toString(JinjaValues.toLong(number(value))));
        };
    }

    private static Object number(Object value) {
        if (JinjaValues.isNumber(value)) {
            return value;
        }
        throw new JinjaException("the format string needs a number, not " + JinjaValues.typeName(value));
    }

    private static JinjaText padded(JinjaText text, Matcher conversion) {
        int width = conversion.group(3).isEmpty() ? 0 : Integer.parseInt(conversion.group(3));
        boolean zeros = !conversion.group(2).isEmpty() && !"sr".contains(conversion.group(5));
        JinjaText padding = JinjaText.template((zeros ? "0" : " ").repeat(Math.max(0, width - text.length())));
        return conversion.group(1).isEmpty() ? padding.plus(text) : text.plus(padding);
    }

    /// `{}`, `{0}` and `{name}`.
    JinjaText braces(JinjaText format, JinjaArguments arguments) {
        JinjaText.Builder result = new JinjaText.Builder();
        Matcher matcher = BRACES.matcher(format.text());
        int at = 0;
        int next = 0;
        while (matcher.find()) {
            result.append(format.substring(at, matcher.start()));
            at = matcher.end();
            String field = matcher.group(1);
            if (field == null) {
                result.append(format.substring(matcher.start(), matcher.start() + 1));
                continue;
            }
            boolean numbered = !field.isEmpty() && field.chars().allMatch(Character::isDigit) && field.length() < 4;
            int place = field.isEmpty() ? next++ : numbered ? Integer.parseInt(field) : Integer.MAX_VALUE;
            result.append(JinjaValues.text(arguments.require(place, field)));
            budget.text(result.length());
        }
        return result.append(format.substring(at, format.text().length())).build();
    }
}
