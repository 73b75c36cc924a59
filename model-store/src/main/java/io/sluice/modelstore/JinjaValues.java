package io.sluice.modelstore;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// The values a template works with, and what Python would do with them.
///
/// A value is one of: `NONE`, `Undefined`, `Boolean`, `Long`, `Double`, `JinjaText`, `List`, `Tuple`, `Map`
/// (in its own order), `Namespace`, `JinjaLoop`, `JinjaFunction`. Lists and maps are never changed once they
/// exist.
final class JinjaValues {
    /// Python's `None`.
    enum None {
        NONE
    }

    static final None NONE = None.NONE;

    private JinjaValues() {}

    /// What a name gives that nobody set.
    ///
    /// @param why in words, for when the template depends on it after all
    record Undefined(String why) {}

    record Tuple(List<Object> items) {}

    /// The one thing that a template may change from inside a loop.
    static final class Namespace {
        final Map<String, Object> attributes = new LinkedHashMap<>();
    }

    /// A value out of a request: strings are the user's.
    static Object ofRequest(@Nullable Object json) {
        return of(json, false);
    }

    /// A value that the model's own files gave: strings are as good as the template's.
    static Object ofModel(@Nullable Object json) {
        return of(json, true);
    }

    private static Object of(@Nullable Object json, boolean trusted) {
        return switch (json) {
            case null -> NONE;
            case Optional<?> nothing when nothing.isEmpty() -> NONE;
            case Boolean flag -> flag;
            case Double number -> number;
            case Float number -> number.doubleValue();
            case java.math.BigDecimal number -> number.doubleValue();
            case Number number -> number.longValue();
            case CharSequence text -> trusted ? JinjaText.template(text.toString()) : JinjaText.user(text.toString());
            case Map<?, ?> map -> {
                Map<Object, Object> values = LinkedHashMap.newLinkedHashMap(map.size());
                map.forEach((key, value) -> values.put(of(key, trusted), of(value, trusted)));
                yield values;
            }
            case Iterable<?> items -> {
                List<Object> values = new ArrayList<>();
                items.forEach(item -> values.add(of(item, trusted)));
                yield values;
            }
            default ->
                throw new JinjaException("a value of " + json.getClass().getName() + " cannot be given to a template");
        };
    }

    /// True for what a dict can have as its key.
    static boolean isKey(Object value) {
        return value instanceof JinjaText || isNumber(value) || value == NONE;
    }

    /// The value, which must be a key.
    static Object key(Object value) {
        if (isKey(value)) {
            return value;
        }
        throw new JinjaException("a " + typeName(value) + " cannot be the key of a dict");
    }

    static boolean truth(Object value) {
        return switch (value) {
            case Boolean flag -> flag;
            case Long number -> number != 0;
            case Double number -> number != 0;
            case JinjaText text -> !text.isEmpty();
            case List<?> list -> !list.isEmpty();
            case Tuple tuple -> !tuple.items().isEmpty();
            case Map<?, ?> map -> !map.isEmpty();
            case Undefined undefined -> false;
            default -> value != NONE;
        };
    }

    /// Python's name for the type, as its messages have it.
    static String typeName(Object value) {
        return switch (value) {
            case Boolean flag -> "bool";
            case Long number -> "int";
            case Double number -> "float";
            case JinjaText text -> "str";
            case List<?> list -> "list";
            case Tuple tuple -> "tuple";
            case Map<?, ?> map -> "dict";
            case Undefined undefined -> "Undefined";
            case Namespace namespace -> "Namespace";
            case JinjaLoop loop -> "LoopContext";
            case JinjaFunction function -> "function";
            default -> "NoneType";
        };
    }

    /// The value, which must not be undefined.
    static Object defined(Object value) {
        if (value instanceof Undefined(String why)) {
            throw new JinjaException(why);
        }
        return value;
    }

    /// As Python's `==`.
    static boolean equal(Object left, Object right) {
        return new JinjaEquality().equal(left, right);
    }

    /// Negative, zero or positive; refuses what Python does not order.
    static int compare(Object left, Object right) {
        return compare(left, right, 0);
    }

    private static int compare(Object left, Object right, int depth) {
        defined(left);
        defined(right);
        if (isNumber(left) && isNumber(right)) {
            return (left instanceof Double || right instanceof Double)
                    ? Double.compare(toDouble(left), toDouble(right))
                    : Long.compare(toLong(left), toLong(right));
        }
        if (left instanceof JinjaText a && right instanceof JinjaText b) {
            return compareCodePoints(a.text(), b.text());
        }
        if (depth > JinjaBudget.VALUE_DEPTH_MAX) {
            throw JinjaBudget.tooDeep();
        }
        if (left instanceof List<?> a && right instanceof List<?> b) {
            return compareItems(a, b, depth + 1);
        }
        if (left instanceof Tuple(List<Object> a) && right instanceof Tuple(List<Object> b)) {
            return compareItems(a, b, depth + 1);
        }
        throw new JinjaException("cannot order '" + typeName(left) + "' and '" + typeName(right) + "'");
    }

    private static int compareItems(List<?> left, List<?> right, int depth) {
        for (int i = 0; i < Math.min(left.size(), right.size()); i++) {
            if (!equal(left.get(i), right.get(i))) {
                return compare(left.get(i), right.get(i), depth);
            }
        }
        return Integer.compare(left.size(), right.size());
    }

    private static int compareCodePoints(String left, String right) {
        int[] a = left.codePoints().toArray();
        int[] b = right.codePoints().toArray();
        return java.util.Arrays.compare(a, b);
    }

    static boolean contains(Object container, Object item) {
        return switch (container) {
            case JinjaText text -> {
                if (!(item instanceof JinjaText part)) {
                    throw new JinjaException("'in <string>' needs a string on its left, not " + typeName(item));
                }
                yield text.text().contains(part.text());
            }
            case Map<?, ?> map -> isKey(item) && map.containsKey(item);
            default -> items(container).stream().anyMatch(one -> equal(one, item));
        };
    }

    /// What a loop over the value sees.
    static List<Object> items(Object value) {
        return switch (value) {
            case List<?> list -> List.copyOf(list);
            case Tuple(List<Object> items) -> items;
            case Map<?, ?> map -> List.copyOf(map.keySet());
            case JinjaText text -> List.copyOf(text.characters());
            case Undefined undefined -> List.of();
            default -> throw new JinjaException("'" + typeName(value) + "' is not something to loop over");
        };
    }

    static long length(Object value) {
        return switch (value) {
            case JinjaText text -> text.length();
            case Map<?, ?> map -> map.size();
            case List<?> list -> list.size();
            case JinjaLoop loop -> loop.length();
            default -> items(value).size();
        };
    }

    static boolean isNumber(Object value) {
        return value instanceof Long || value instanceof Double || value instanceof Boolean;
    }

    static double toDouble(Object number) {
        return number instanceof Boolean flag ? (flag ? 1 : 0) : ((Number) number).doubleValue();
    }

    static long toLong(Object number) {
        return number instanceof Boolean flag ? (flag ? 1 : 0) : ((Number) number).longValue();
    }

    static JinjaText requireText(Object value, String what) {
        if (defined(value) instanceof JinjaText text) {
            return text;
        }
        throw new JinjaException(what + " must be a string, not " + typeName(value));
    }

    static long requireInteger(Object value, String what) {
        if (defined(value) instanceof Long || value instanceof Boolean) {
            return toLong(value);
        }
        throw new JinjaException(what + " must be an integer, not " + typeName(value));
    }

    /// As Python's `str`.
    static JinjaText text(Object value) {
        return switch (value) {
            case JinjaText text -> text;
            case Undefined undefined -> JinjaText.EMPTY;
            default -> JinjaText.user(JinjaPython.repr(value));
        };
    }
}
