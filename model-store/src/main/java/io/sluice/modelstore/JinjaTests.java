package io.sluice.modelstore;

import java.util.List;
import java.util.Map;
import java.util.Set;

/// The tests behind `is`.
final class JinjaTests {
    private static final Set<String> NAMES = Set.of(
            "defined",
            "undefined",
            "none",
            "string",
            "mapping",
            "iterable",
            "sequence",
            "number",
            "integer",
            "float",
            "boolean",
            "true",
            "false",
            "odd",
            "even",
            "divisibleby",
            "eq",
            "equalto",
            "==",
            "ne",
            "!=",
            "lt",
            "lessthan",
            "<",
            "le",
            "<=",
            "gt",
            "greaterthan",
            ">",
            "ge",
            ">=",
            "in",
            "sameas",
            "callable",
            "lower",
            "upper");

    private JinjaTests() {}

    static boolean knows(String name) {
        return NAMES.contains(name);
    }

    static boolean test(String name, Object value, JinjaArguments arguments) {
        return switch (name) {
            case "defined" -> !(value instanceof JinjaValues.Undefined);
            case "undefined" -> value instanceof JinjaValues.Undefined;
            case "none" -> value == JinjaValues.NONE;
            case "string" -> value instanceof JinjaText;
            case "mapping" -> value instanceof Map<?, ?>;
            case "iterable", "sequence" -> isSequence(value);
            case "number" -> JinjaValues.isNumber(value);
            case "integer" -> value instanceof Long;
            case "float" -> value instanceof Double;
            case "boolean" -> value instanceof Boolean;
            case "true" -> value.equals(true);
            case "false" -> value.equals(false);
            case "odd" -> Math.floorMod(JinjaValues.requireInteger(value, "what 'odd' tests"), 2L) == 1;
            case "even" -> Math.floorMod(JinjaValues.requireInteger(value, "what 'even' tests"), 2L) == 0;
            case "divisibleby" -> isDivisible(value, arguments.integer(0, "num", 0));
            case "eq", "equalto", "==" -> JinjaValues.equal(value, arguments.require(0, "b"));
            case "ne", "!=" -> !JinjaValues.equal(value, arguments.require(0, "b"));
            case "lt", "lessthan", "<" -> JinjaValues.compare(value, arguments.require(0, "b")) < 0;
            case "le", "<=" -> JinjaValues.compare(value, arguments.require(0, "b")) <= 0;
            case "gt", "greaterthan", ">" -> JinjaValues.compare(value, arguments.require(0, "b")) > 0;
            case "ge", ">=" -> JinjaValues.compare(value, arguments.require(0, "b")) >= 0;
            case "in" -> JinjaValues.contains(arguments.require(0, "seq"), value);
            case "sameas" -> isSame(value, arguments.require(0, "other"));
            case "callable" -> value instanceof JinjaFunction;
            case "lower" ->
                hasCase(value) && JinjaTextFilters.lower(textOf(value)).equals(textOf(value));
            case "upper" ->
                hasCase(value) && JinjaTextFilters.upper(textOf(value)).equals(textOf(value));
            default -> throw new JinjaException("there is no test named '" + name + "'");
        };
    }

    private static boolean isSequence(Object value) {
        return value instanceof JinjaText
                || value instanceof List<?>
                || value instanceof JinjaValues.Tuple
                || value instanceof Map<?, ?>
                || value instanceof JinjaValues.Undefined;
    }

    private static boolean isDivisible(Object value, long divisor) {
        if (divisor == 0) {
            throw new JinjaException("division by zero");
        }
        return JinjaValues.requireInteger(value, "what 'divisibleby' tests") % divisor == 0;
    }

    private static boolean isSame(Object value, Object other) {
        return value.getClass() == other.getClass() && JinjaValues.equal(value, other);
    }

    private static String textOf(Object value) {
        return JinjaValues.text(value).text();
    }

    private static boolean hasCase(Object value) {
        return textOf(value).codePoints().anyMatch(c -> Character.isUpperCase(c) || Character.isLowerCase(c));
    }
}
