package io.sluice.modelstore;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BiFunction;
import java.util.function.Function;

/// The filters behind `|`. One thread.
final class JinjaFilters {
    private interface Body {
        Object apply(JinjaFilters filters, Object value, JinjaArguments arguments);
    }

    /// @param parameters the arguments it takes; a last one called `*` stands for any others
    private record Filter(List<String> parameters, Body body) {}

    private static final Map<String, Filter> TABLE = table();

    private final JinjaBudget budget;
    private final JinjaMethods methods;
    private final JinjaOperators operators;
    private final BiFunction<Object, String, Object> attributes;

    /// @param attributes looks up `object.name`
    JinjaFilters(
            JinjaBudget budget,
            JinjaMethods methods,
            JinjaOperators operators,
            BiFunction<Object, String, Object> attributes) {
        this.budget = budget;
        this.methods = methods;
        this.operators = operators;
        this.attributes = attributes;
    }

    static boolean knows(String name) {
        return TABLE.containsKey(name);
    }

    Object apply(String name, Object value, JinjaArguments arguments) {
        Filter filter = TABLE.get(name);
        if (filter == null) {
            throw new JinjaException("there is no filter named '" + name + "'");
        }
        boolean any =
                !filter.parameters().isEmpty() && filter.parameters().getLast().equals("*");
        JinjaArguments checked = any ? arguments : arguments.checked("the filter '" + name + "'", filter.parameters());
        return filter.body().apply(this, value, checked);
    }

    private static Map<String, Filter> table() {
        Map<String, Filter> table = new LinkedHashMap<>();
        addTextFilters(table);
        addListFilters(table);
        addNumberFilters(table);
        return Map.copyOf(table);
    }

    private static void add(Map<String, Filter> table, String name, List<String> parameters, Body body) {
        table.put(name, new Filter(parameters, body));
    }

    private static void addTextFilters(Map<String, Filter> table) {
        add(table, "trim", List.of("chars"), (f, v, a) -> f.call(f.charged(v), "strip", a));
        add(table, "upper", List.of(), (f, v, a) -> f.charged(v).mapped(JinjaTextFilters::upper));
        add(table, "lower", List.of(), (f, v, a) -> f.charged(v).mapped(JinjaTextFilters::lower));
        add(table, "capitalize", List.of(), (f, v, a) -> f.charged(v).mapped(JinjaTextFilters::capitalized));
        add(table, "title", List.of(), (f, v, a) -> f.charged(v).mapped(JinjaTextFilters::titled));
        add(table, "replace", List.of("old", "new", "count"), (f, v, a) -> f.methods.replaced(f.charged(v), a));
        add(table, "string", List.of(), (f, v, a) -> f.charged(v));
        add(table, "safe", List.of(), (f, v, a) -> f.charged(v));
        add(table, "escape", List.of(), (f, v, a) -> f.charged(v).mapped(JinjaTextFilters::escaped));
        add(table, "e", List.of(), (f, v, a) -> f.charged(v).mapped(JinjaTextFilters::escaped));
        add(table, "indent", List.of("width", "first", "blank"), JinjaFilters::indented);
        add(
                table,
                "format",
                List.of("*"),
                (f, v, a) -> f.operators.formatted(f.charged(v), new JinjaValues.Tuple(a.positional())));
        add(table, "wordcount", List.of(), (f, v, a) ->
                (long) f.charged(v).splitAtWhiteSpace(-1).size());
        add(table, "tojson", List.of("ensure_ascii", "indent", "separators", "sort_keys"), JinjaFilters::json);
    }

    private static void addListFilters(Map<String, Filter> table) {
        add(table, "length", List.of(), (f, v, a) -> JinjaValues.length(v));
        add(table, "count", List.of(), (f, v, a) -> JinjaValues.length(v));
        add(table, "join", List.of("d", "attribute"), JinjaFilters::joined);
        add(table, "default", List.of("default_value", "boolean"), JinjaFilters::orDefault);
        add(table, "d", List.of("default_value", "boolean"), JinjaFilters::orDefault);
        add(table, "first", List.of(), (f, v, a) -> end(f.items(v), false));
        add(table, "last", List.of(), (f, v, a) -> end(f.items(v), true));
        add(table, "list", List.of(), (f, v, a) -> f.items(v));
        add(table, "items", List.of(), JinjaFilters::entries);
        add(table, "map", List.of("*"), JinjaFilters::mapped);
        add(table, "select", List.of("*"), (f, v, a) -> f.selected(v, a, true));
        add(table, "reject", List.of("*"), (f, v, a) -> f.selected(v, a, false));
        add(table, "selectattr", List.of("*"), (f, v, a) -> f.selectedByAttribute(v, a, true));
        add(table, "rejectattr", List.of("*"), (f, v, a) -> f.selectedByAttribute(v, a, false));
        add(
                table,
                "attr",
                List.of("name"),
                (f, v, a) -> f.attributes.apply(v, a.text(0, "name").text()));
        add(table, "unique", List.of("case_sensitive", "attribute"), JinjaFilters::unique);
        add(table, "sort", List.of("reverse", "case_sensitive", "attribute"), JinjaFilters::sorted);
        add(table, "dictsort", List.of("case_sensitive", "by", "reverse"), JinjaFilters::dictSorted);
        add(table, "groupby", List.of("attribute", "default", "case_sensitive"), JinjaFilters::grouped);
        add(table, "reverse", List.of(), JinjaFilters::reversed);
        add(table, "min", List.of("case_sensitive", "attribute"), (f, v, a) -> f.extreme(v, a, -1));
        add(table, "max", List.of("case_sensitive", "attribute"), (f, v, a) -> f.extreme(v, a, 1));
        add(table, "sum", List.of("attribute", "start"), JinjaFilters::sum);
    }

    private static void addNumberFilters(Map<String, Filter> table) {
        add(
                table,
                "int",
                List.of("default", "base"),
                (f, v, a) -> JinjaNumberFilters.integer(v, a.get(0, "default", 0L)));
        add(table, "float", List.of("default"), (f, v, a) -> JinjaNumberFilters.floating(v, a.get(0, "default", 0.0)));
        add(table, "abs", List.of(), (f, v, a) -> JinjaValues.compare(v, 0L) < 0 ? f.operators.sign("-", v) : v);
        add(table, "round", List.of("precision", "method"), (f, v, a) -> JinjaNumberFilters.rounded(v, a));
    }

    private JinjaText charged(Object value) {
        JinjaText text = JinjaValues.text(value);
        budget.text(text.text().length());
        return text;
    }

    private Object call(JinjaText text, String method, JinjaArguments arguments) {
        JinjaFunction function = methods.find(text, method);
        if (function == null) {
            throw new JinjaException("there is no string method '" + method + "'");
        }
        return function.call(arguments);
    }

    private List<Object> items(Object value) {
        List<Object> items = JinjaValues.items(value);
        budget.items(items.size());
        return items;
    }

    private static Object indented(JinjaFilters filters, Object value, JinjaArguments arguments) {
        Object width = arguments.get(0, "width", 4L);
        JinjaText indent = width instanceof JinjaText text
                ? text
                : JinjaText.template(" ".repeat(Math.clamp(JinjaValues.requireInteger(width, "the width"), 0, 1000)));
        boolean blank = arguments.flag(2, "blank", false);
        List<JinjaText> lines = filters.charged(value).split("\n", -1);
        List<JinjaText> indented = new ArrayList<>();
        for (JinjaText line : lines) {
            boolean skip = indented.isEmpty() ? !arguments.flag(1, "first", false) : line.isEmpty() && !blank;
            indented.add(skip ? line : indent.plus(line));
        }
        return filters.methods.joined(indented, JinjaText.template("\n"));
    }

    private static Object json(JinjaFilters filters, Object value, JinjaArguments arguments) {
        Object indent = arguments.get(1, "indent", JinjaValues.NONE);
        int width =
                indent == JinjaValues.NONE ? -1 : Math.clamp(JinjaValues.requireInteger(indent, "the indent"), 0, 100);
        Object separators = arguments.get(2, "separators", JinjaValues.NONE);
        String item = width < 0 ? ", " : ",";
        String key = ": ";
        if (separators != JinjaValues.NONE) {
            List<Object> pair = JinjaValues.items(separators);
            if (pair.size() != 2) {
                throw new JinjaException("separators must be two strings");
            }
            item = JinjaValues.requireText(pair.get(0), "a separator").text();
            key = JinjaValues.requireText(pair.get(1), "a separator").text();
        }
        boolean ascii = arguments.flag(0, "ensure_ascii", false);
        boolean sorted = arguments.flag(3, "sort_keys", false);
        return filters.charged(
                JinjaText.user(new JinjaJson(width, item, key, ascii, sorted).write(JinjaValues.defined(value))));
    }

    private static Object joined(JinjaFilters filters, Object value, JinjaArguments arguments) {
        Function<Object, Object> attribute = filters.attribute(arguments.get(1, "attribute", JinjaValues.NONE));
        List<JinjaText> parts = new ArrayList<>();
        filters.items(value).forEach(item -> parts.add(JinjaValues.text(attribute.apply(item))));
        return filters.methods.joined(parts, JinjaValues.text(arguments.get(0, "d", JinjaText.EMPTY)));
    }

    private static Object orDefault(JinjaFilters filters, Object value, JinjaArguments arguments) {
        boolean replaced = value instanceof JinjaValues.Undefined
                || (arguments.flag(1, "boolean", false) && !JinjaValues.truth(value));
        return replaced ? arguments.get(0, "default_value", JinjaText.EMPTY) : value;
    }

    private static Object end(List<Object> items, boolean last) {
        if (items.isEmpty()) {
            return new JinjaValues.Undefined(
                    "there is no " + (last ? "last" : "first") + " item, the sequence is empty");
        }
        return last ? items.getLast() : items.getFirst();
    }

    private static Object entries(JinjaFilters filters, Object value, JinjaArguments arguments) {
        if (value instanceof JinjaValues.Undefined) {
            return List.of();
        }
        if (value instanceof Map<?, ?> map) {
            return filters.methods.entries(map);
        }
        throw new JinjaException("the filter 'items' needs a mapping, not " + JinjaValues.typeName(value));
    }

    /// How an `attribute=` argument is read off an item: a name, a number, or several with dots between.
    private Function<Object, Object> attribute(Object attribute) {
        if (attribute == JinjaValues.NONE) {
            return item -> item;
        }
        if (attribute instanceof Long index) {
            return item -> operators.item(item, index);
        }
        String[] names =
                JinjaValues.requireText(attribute, "an attribute").text().split("\\.", -1);
        return item -> {
            Object value = item;
            for (String name : names) {
                boolean number =
                        !name.isEmpty() && name.length() < 9 && name.chars().allMatch(c -> c >= '0' && c <= '9');
                value = number ? operators.item(value, Long.parseLong(name)) : attributes.apply(value, name);
            }
            return value;
        };
    }

    private static Object mapped(JinjaFilters filters, Object value, JinjaArguments arguments) {
        List<Object> results = new ArrayList<>();
        if (arguments.positional().isEmpty()) {
            arguments.checked("the filter 'map'", List.of("attribute", "default"));
            Function<Object, Object> attribute = filters.attribute(arguments.require(0, "attribute"));
            Object otherwise = arguments.named().get("default");
            for (Object item : filters.items(value)) {
                Object found = attribute.apply(item);
                results.add(found instanceof JinjaValues.Undefined && otherwise != null ? otherwise : found);
            }
            return results;
        }
        String name = arguments.text(0, "filter").text();
        for (Object item : filters.items(value)) {
            results.add(filters.apply(name, item, arguments.skip(1)));
        }
        return results;
    }

    private Object selected(Object value, JinjaArguments arguments, boolean wanted) {
        return selected(value, item -> item, arguments, wanted);
    }

    private Object selectedByAttribute(Object value, JinjaArguments arguments, boolean wanted) {
        return selected(value, attribute(arguments.require(0, "attribute")), arguments.skip(1), wanted);
    }

    private Object selected(Object value, Function<Object, Object> key, JinjaArguments test, boolean wanted) {
        String name = test.positional().isEmpty() ? "" : test.text(0, "test").text();
        List<Object> kept = new ArrayList<>();
        for (Object item : items(value)) {
            Object tested = key.apply(item);
            boolean holds = name.isEmpty() ? JinjaValues.truth(tested) : JinjaTests.test(name, tested, test.skip(1));
            if (holds == wanted) {
                kept.add(item);
            }
        }
        return kept;
    }

    /// What items are compared by: letters count as equal in both cases unless `case_sensitive`.
    private Function<Object, Object> sortKey(Object attribute, boolean caseSensitive) {
        Function<Object, Object> plain = attribute(attribute);
        return caseSensitive
                ? plain
                : item -> plain.apply(item) instanceof JinjaText text
                        ? text.mapped(JinjaTextFilters::lower)
                        : plain.apply(item);
    }

    private static Object unique(JinjaFilters filters, Object value, JinjaArguments arguments) {
        Function<Object, Object> key = filters.sortKey(
                arguments.get(1, "attribute", JinjaValues.NONE), arguments.flag(0, "case_sensitive", false));
        Set<Object> seen = new LinkedHashSet<>();
        return filters.items(value).stream()
                .filter(item -> seen.add(JinjaValues.key(key.apply(item))))
                .toList();
    }

    private static Object sorted(JinjaFilters filters, Object value, JinjaArguments arguments) {
        Function<Object, Object> key = filters.sortKey(
                arguments.get(2, "attribute", JinjaValues.NONE), arguments.flag(1, "case_sensitive", false));
        return filters.sorted(filters.items(value), key, arguments.flag(0, "reverse", false));
    }

    private List<Object> sorted(List<Object> items, Function<Object, Object> key, boolean reverse) {
        budget.items(2L * items.size());
        Comparator<Object> order = Comparator.comparing(key, JinjaValues::compare);
        List<Object> sorted = new ArrayList<>(items);
        sorted.sort(reverse ? order.reversed() : order);
        return sorted;
    }

    private static Object dictSorted(JinjaFilters filters, Object value, JinjaArguments arguments) {
        if (!(value instanceof Map<?, ?> map)) {
            throw new JinjaException("the filter 'dictsort' needs a mapping, not " + JinjaValues.typeName(value));
        }
        String by = JinjaValues.text(arguments.get(1, "by", JinjaText.template("key")))
                .text();
        if (!by.equals("key") && !by.equals("value")) {
            throw new JinjaException("dictsort can sort by 'key' or by 'value'");
        }
        Function<Object, Object> key =
                filters.sortKey(by.equals("key") ? 0L : 1L, arguments.flag(0, "case_sensitive", false));
        return filters.sorted(filters.methods.entries(map), key, arguments.flag(2, "reverse", false));
    }

    private static Object grouped(JinjaFilters filters, Object value, JinjaArguments arguments) {
        Function<Object, Object> plain = filters.attribute(arguments.require(0, "attribute"));
        Object otherwise = arguments.get(1, "default", JinjaValues.NONE);
        Function<Object, Object> attribute =
                item -> plain.apply(item) instanceof JinjaValues.Undefined ? otherwise : plain.apply(item);
        List<Object> pairs = new ArrayList<>();
        List<Object> group = new ArrayList<>();
        for (Object item : filters.sorted(filters.items(value), attribute, false)) {
            if (group.isEmpty() || !JinjaValues.equal(attribute.apply(group.getFirst()), attribute.apply(item))) {
                group = new ArrayList<>();
                pairs.add(new JinjaValues.Tuple(List.of(attribute.apply(item), group)));
            }
            group.add(item);
        }
        return pairs;
    }

    private static Object reversed(JinjaFilters filters, Object value, JinjaArguments arguments) {
        List<Object> items = new ArrayList<>(filters.items(JinjaValues.defined(value)));
        Collections.reverse(items);
        if (value instanceof JinjaText) {
            return JinjaText.join(items.stream().map(JinjaValues::text).toList(), JinjaText.EMPTY);
        }
        return items;
    }

    private Object extreme(Object value, JinjaArguments arguments, int direction) {
        Function<Object, Object> key =
                sortKey(arguments.get(1, "attribute", JinjaValues.NONE), arguments.flag(0, "case_sensitive", false));
        Object best = new JinjaValues.Undefined("there is no greatest or smallest item, the sequence is empty");
        for (Object item : items(value)) {
            boolean better = best instanceof JinjaValues.Undefined
                    || JinjaValues.compare(key.apply(item), key.apply(best)) * direction > 0;
            best = better ? item : best;
        }
        return best;
    }

    private static Object sum(JinjaFilters filters, Object value, JinjaArguments arguments) {
        Function<Object, Object> attribute = filters.attribute(arguments.get(0, "attribute", JinjaValues.NONE));
        Object sum = arguments.get(1, "start", 0L);
        for (Object item : filters.items(value)) {
            sum = filters.operators.arithmetic("+", sum, attribute.apply(item));
        }
        return sum;
    }
}
