package io.sluice.modelstore;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.IntPredicate;
import org.jspecify.annotations.Nullable;

/// Methods of strings, dicts and lists, as far as templates may call them: none changes anything. One thread.
final class JinjaMethods {
    private final JinjaBudget budget;

    JinjaMethods(JinjaBudget budget) {
        this.budget = budget;
    }

    /// The method of that name, bound to the object; null if it has none.
    @Nullable
    JinjaFunction find(Object object, String name) {
        return switch (object) {
            case JinjaText text -> ofText(text, name);
            case Map<?, ?> map -> ofMap(map, name);
            case List<?> list -> ofList(list, name);
            default -> null;
        };
    }

    private @Nullable JinjaFunction ofText(JinjaText text, String name) {
        return switch (name) {
            case "strip" -> arguments -> text.stripped(dropped(arguments));
            case "lstrip" -> arguments -> text.strippedLeft(dropped(arguments));
            case "rstrip" -> arguments -> text.strippedRight(dropped(arguments));
            case "upper" -> arguments -> charged(text).mapped(JinjaTextFilters::upper);
            case "lower" -> arguments -> charged(text).mapped(JinjaTextFilters::lower);
            case "capitalize" -> arguments -> charged(text).mapped(JinjaTextFilters::capitalized);
            case "title" -> arguments -> charged(text).mapped(JinjaTextFilters::titledWords);
            case "split" -> arguments -> split(text, arguments);
            case "rsplit" -> arguments -> splitFromEnd(text, arguments);
            case "splitlines" -> arguments -> lines(text, arguments.flag(0, "keepends", false));
            case "startswith" ->
                arguments -> anyOf(arguments, part -> text.text().startsWith(part));
            case "endswith" -> arguments -> anyOf(arguments, part -> text.text().endsWith(part));
            case "replace" -> arguments -> replaced(text, arguments);
            case "find" ->
                arguments ->
                        place(text, text.text().indexOf(arguments.text(0, "sub").text()));
            case "rfind" ->
                arguments -> place(
                        text, text.text().lastIndexOf(arguments.text(0, "sub").text()));
            case "count" -> arguments -> count(text, arguments.text(0, "sub"));
            case "join" -> arguments -> joined(text, arguments.require(0, "iterable"));
            case "removeprefix" ->
                arguments -> withoutPrefix(text, arguments.text(0, "prefix").text());
            case "removesuffix" ->
                arguments -> withoutSuffix(text, arguments.text(0, "suffix").text());
            case "format" -> arguments -> new JinjaFormat(budget).braces(text, arguments);
            case "isdigit" -> arguments -> all(text, Character::isDigit);
            case "isalpha" -> arguments -> all(text, Character::isLetter);
            case "isalnum" -> arguments -> all(text, Character::isLetterOrDigit);
            case "isspace" -> arguments -> all(text, JinjaText::isWhiteSpace);
            case "isupper" -> arguments -> hasCase(text) && text.text().equals(JinjaTextFilters.upper(text.text()));
            case "islower" -> arguments -> hasCase(text) && text.text().equals(JinjaTextFilters.lower(text.text()));
            default -> null;
        };
    }

    private JinjaText charged(JinjaText text) {
        budget.text(text.text().length());
        return text;
    }

    private IntPredicate dropped(JinjaArguments arguments) {
        Object characters = arguments.get(0, "chars", JinjaValues.NONE);
        if (characters == JinjaValues.NONE) {
            return JinjaText::isWhiteSpace;
        }
        String dropped =
                JinjaValues.requireText(characters, "the argument of strip").text();
        budget.text(dropped.length());
        return codePoint -> dropped.indexOf(codePoint) >= 0;
    }

    private Object split(JinjaText text, JinjaArguments arguments) {
        Object separator = arguments.get(0, "sep", JinjaValues.NONE);
        long limit = arguments.integer(1, "maxsplit", -1);
        charged(text);
        return new ArrayList<Object>(
                separator == JinjaValues.NONE
                        ? text.splitAtWhiteSpace(limit)
                        : text.split(separator(separator), limit));
    }

    private Object splitFromEnd(JinjaText text, JinjaArguments arguments) {
        Object separator = arguments.get(0, "sep", JinjaValues.NONE);
        long limit = arguments.integer(1, "maxsplit", -1);
        charged(text);
        if (separator == JinjaValues.NONE && limit >= 0) {
            throw new JinjaException("rsplit at white space with a limit is not supported");
        }
        return new ArrayList<Object>(
                separator == JinjaValues.NONE
                        ? text.splitAtWhiteSpace(-1)
                        : text.splitFromEnd(separator(separator), limit));
    }

    private static String separator(Object value) {
        String separator =
                JinjaValues.requireText(value, "the separator of split").text();
        if (separator.isEmpty()) {
            throw new JinjaException("the separator of split is empty");
        }
        return separator;
    }

    private Object lines(JinjaText text, boolean keepEnds) {
        List<Object> lines = new ArrayList<>();
        String all = charged(text).text();
        for (int start = 0; start < all.length(); ) {
            int end = start;
            while (end < all.length()
                    && "\n\r\u000b\f\u001c\u001d\u001e\u0085\u2028\u2029".indexOf(all.charAt(end)) < 0) {
                end++;
            }
            int next = all.startsWith("\r\n", end) ? end + 2 : Math.min(end + 1, all.length());
            lines.add(text.substring(start, keepEnds ? next : end));
            start = next;
        }
        return lines;
    }

    private static Object anyOf(JinjaArguments arguments, java.util.function.Predicate<String> test) {
        Object wanted = arguments.require(0, "prefix");
        return wanted instanceof JinjaValues.Tuple(List<Object> parts)
                ? parts.stream()
                        .anyMatch(part -> test.test(
                                JinjaValues.requireText(part, "a prefix").text()))
                : test.test(JinjaValues.requireText(wanted, "a prefix").text());
    }

    JinjaText replaced(JinjaText text, JinjaArguments arguments) {
        JinjaText old = arguments.text(0, "old");
        JinjaText replacement = arguments.text(1, "new");
        Object count = arguments.get(2, "count", JinjaValues.NONE);
        long limit = count == JinjaValues.NONE ? -1 : JinjaValues.requireInteger(count, "the count of replace");
        long places =
                old.isEmpty() ? text.length() + 1L : occurrences(charged(text).text(), old.text());
        budget.text(text.text().length() + places * replacement.text().length());
        return text.replace(old.text(), replacement, limit);
    }

    private static long occurrences(String text, String part) {
        long count = 0;
        for (int at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + part.length())) {
            count++;
        }
        return count;
    }

    private Object count(JinjaText text, JinjaText part) {
        return part.isEmpty() ? text.length() + 1L : occurrences(charged(text).text(), part.text());
    }

    private Object place(JinjaText text, int found) {
        return found < 0 ? -1L : (long) charged(text).text().codePointCount(0, found);
    }

    private Object joined(JinjaText separator, Object items) {
        List<JinjaText> parts = new ArrayList<>();
        for (Object item : JinjaValues.items(items)) {
            parts.add(JinjaValues.requireText(item, "an item to join"));
        }
        return joined(parts, separator);
    }

    JinjaText joined(List<JinjaText> parts, JinjaText separator) {
        long length = (long) separator.text().length() * parts.size();
        for (JinjaText part : parts) {
            length += part.text().length();
        }
        budget.text(length);
        return JinjaText.join(parts, separator);
    }

    private static Object withoutPrefix(JinjaText text, String prefix) {
        return text.text().startsWith(prefix)
                ? text.substring(prefix.length(), text.text().length())
                : text;
    }

    private static Object withoutSuffix(JinjaText text, String suffix) {
        return text.text().endsWith(suffix) ? text.substring(0, text.text().length() - suffix.length()) : text;
    }

    private static Object all(JinjaText text, IntPredicate test) {
        return !text.isEmpty() && text.text().codePoints().allMatch(test);
    }

    private static boolean hasCase(JinjaText text) {
        return text.text().codePoints().anyMatch(c -> Character.isUpperCase(c) || Character.isLowerCase(c));
    }

    private @Nullable JinjaFunction ofMap(Map<?, ?> map, String name) {
        return switch (name) {
            case "items" -> arguments -> entries(map);
            case "keys" -> arguments -> new ArrayList<Object>(map.keySet());
            case "values" -> arguments -> new ArrayList<Object>(map.values());
            case "copy" -> arguments -> map;
            case "get" ->
                arguments -> {
                    Object value = map.get(JinjaValues.key(arguments.require(0, "key")));
                    return value == null ? arguments.get(1, "default", JinjaValues.NONE) : value;
                };
            case "pop", "popitem", "update", "setdefault", "clear" -> throw mayNotChange("dict", name);
            default -> null;
        };
    }

    /// Pairs of key and value.
    List<Object> entries(Map<?, ?> map) {
        budget.items(map.size());
        List<Object> pairs = new ArrayList<>(map.size());
        map.forEach((key, value) -> pairs.add(new JinjaValues.Tuple(List.of(key, value))));
        return pairs;
    }

    private @Nullable JinjaFunction ofList(List<?> list, String name) {
        return switch (name) {
            case "copy" -> arguments -> list;
            case "count" ->
                arguments -> {
                    Object wanted = arguments.require(0, "value");
                    return list.stream()
                            .filter(item -> JinjaValues.equal(item, wanted))
                            .count();
                };
            case "index" ->
                arguments -> {
                    Object wanted = arguments.require(0, "value");
                    for (int i = 0; i < list.size(); i++) {
                        if (JinjaValues.equal(list.get(i), wanted)) {
                            return (long) i;
                        }
                    }
                    throw new JinjaException(JinjaPython.repr(wanted) + " is not in the list");
                };
            case "append", "extend", "insert", "remove", "pop", "clear", "sort", "reverse" ->
                throw mayNotChange("list", name);
            default -> null;
        };
    }

    private static JinjaException mayNotChange(String type, String method) {
        return new JinjaException("a template may not change a " + type + ": '" + method + "' is not allowed");
    }
}
