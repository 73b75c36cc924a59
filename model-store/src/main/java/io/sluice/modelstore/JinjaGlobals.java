package io.sluice.modelstore;

import java.time.LocalDateTime;
import java.time.format.TextStyle;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/// The functions that Hugging Face gives to chat templates.
final class JinjaGlobals {
    private JinjaGlobals() {}

    static void addTo(JinjaScope scope, JinjaBudget budget) {
        scope.set("raise_exception", (JinjaFunction) arguments -> {
            throw JinjaException.raisedByTemplate(
                    JinjaValues.text(arguments.require(0, "message")).text());
        });
        scope.set("range", (JinjaFunction) arguments -> range(arguments, budget));
        scope.set("namespace", (JinjaFunction) JinjaGlobals::namespace);
        scope.set("dict", (JinjaFunction) JinjaGlobals::dict);
    }

    /// `strftime_now(format)` at a fixed moment.
    static JinjaFunction strftimeAt(LocalDateTime now) {
        return arguments ->
                JinjaText.template(strftime(arguments.text(0, "format").text(), now));
    }

    private static Object range(JinjaArguments arguments, JinjaBudget budget) {
        List<Object> bounds = arguments.positional();
        if (bounds.isEmpty() || bounds.size() > 3) {
            throw new JinjaException("range takes one to three numbers");
        }
        long start = bounds.size() == 1 ? 0 : JinjaValues.requireInteger(bounds.get(0), "the start of a range");
        long stop = JinjaValues.requireInteger(bounds.get(bounds.size() == 1 ? 0 : 1), "the end of a range");
        long step = bounds.size() < 3 ? 1 : JinjaValues.requireInteger(bounds.get(2), "the step of a range");
        if (step == 0) {
            throw new JinjaException("the step of a range cannot be zero");
        }
        double count = Math.max(0, Math.ceil(((double) stop - start) / step));
        budget.items((long) count);
        List<Object> numbers = new ArrayList<>((int) count);
        for (long i = 0; i < (long) count; i++) {
            numbers.add(start + i * step);
        }
        return numbers;
    }

    private static Object namespace(JinjaArguments arguments) {
        JinjaValues.Namespace namespace = new JinjaValues.Namespace();
        dict(arguments)
                .forEach((key, value) ->
                        namespace.attributes.put(JinjaValues.text(key).text(), value));
        return namespace;
    }

    private static Map<Object, Object> dict(JinjaArguments arguments) {
        Map<Object, Object> dict = new LinkedHashMap<>();
        for (Object given : arguments.positional()) {
            if (!(given instanceof Map<?, ?> map)) {
                throw new JinjaException(
                        "dict and namespace take a mapping or names, not " + JinjaValues.typeName(given));
            }
            dict.putAll(map);
        }
        arguments.named().forEach((name, value) -> dict.put(JinjaText.template(name), value));
        return dict;
    }

    private static String strftime(String format, LocalDateTime now) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < format.length(); i++) {
            if (format.charAt(i) != '%' || i + 1 == format.length()) {
                text.append(format.charAt(i));
                continue;
            }
            boolean unpadded = format.charAt(i + 1) == '-' && i + 2 < format.length();
            i += unpadded ? 2 : 1;
            String field = field(format.charAt(i), now);
            text.append(unpadded ? field.replaceFirst("^0+(?=.)", "") : field);
        }
        return text.toString();
    }

    private static String field(char code, LocalDateTime now) {
        return switch (code) {
            case 'Y' -> Integer.toString(now.getYear());
            case 'y' -> two(now.getYear() % 100);
            case 'm' -> two(now.getMonthValue());
            case 'd' -> two(now.getDayOfMonth());
            case 'e' -> String.format(Locale.ROOT, "%2d", now.getDayOfMonth());
            case 'H' -> two(now.getHour());
            case 'I' -> two(now.getHour() % 12 == 0 ? 12 : now.getHour() % 12);
            case 'M' -> two(now.getMinute());
            case 'S' -> two(now.getSecond());
            case 'p' -> now.getHour() < 12 ? "AM" : "PM";
            case 'j' -> String.format(Locale.ROOT, "%03d", now.getDayOfYear());
            case 'B' -> now.getMonth().getDisplayName(TextStyle.FULL, Locale.ENGLISH);
            case 'b', 'h' -> now.getMonth().getDisplayName(TextStyle.SHORT, Locale.ENGLISH);
            case 'A' -> now.getDayOfWeek().getDisplayName(TextStyle.FULL, Locale.ENGLISH);
            case 'a' -> now.getDayOfWeek().getDisplayName(TextStyle.SHORT, Locale.ENGLISH);
            case 'F' -> field('Y', now) + "-" + field('m', now) + "-" + field('d', now);
            case 'T' -> field('H', now) + ":" + field('M', now) + ":" + field('S', now);
            case '%' -> "%";
            default -> throw new JinjaException("strftime_now does not know '%" + code + "'");
        };
    }

    private static String two(int number) {
        return String.format(Locale.ROOT, "%02d", number);
    }
}
