package io.sluice.modelstore;

import java.util.ArrayList;
import java.util.List;

/// Python's arithmetic, subscripts and slices. One thread.
final class JinjaOperators {
    private final JinjaBudget budget;

    JinjaOperators(JinjaBudget budget) {
        this.budget = budget;
    }

    Object sign(String operator, Object operand) {
        if (!JinjaValues.isNumber(JinjaValues.defined(operand))) {
            throw new JinjaException("cannot put '" + operator + "' before a " + JinjaValues.typeName(operand));
        }
        if (operand instanceof Double number) {
            return operator.equals("-") ? -number : number;
        }
        long number = JinjaValues.toLong(operand);
        return operator.equals("-") ? exact(() -> Math.negateExact(number)) : number;
    }

    Object arithmetic(String operator, Object left, Object right) {
        JinjaValues.defined(left);
        JinjaValues.defined(right);
        if (JinjaValues.isNumber(left) && JinjaValues.isNumber(right)) {
            return left instanceof Double || right instanceof Double || operator.equals("/")
                    ? floats(operator, JinjaValues.toDouble(left), JinjaValues.toDouble(right))
                    : integers(operator, JinjaValues.toLong(left), JinjaValues.toLong(right));
        }
        return switch (operator) {
            case "+" -> plus(left, right);
            case "*" -> right instanceof Long times ? repeated(left, times) : repeatedFromRight(left, right);
            case "%" -> left instanceof JinjaText format ? formatted(format, right) : refuse(operator, left, right);
            default -> refuse(operator, left, right);
        };
    }

    private static Object refuse(String operator, Object left, Object right) {
        throw new JinjaException("cannot use '" + operator + "' between " + JinjaValues.typeName(left) + " and "
                + JinjaValues.typeName(right));
    }

    private static Object integers(String operator, long left, long right) {
        return switch (operator) {
            case "+" -> exact(() -> Math.addExact(left, right));
            case "-" -> exact(() -> Math.subtractExact(left, right));
            case "*" -> exact(() -> Math.multiplyExact(left, right));
            case "//" -> exact(() -> Math.floorDivExact(left, right));
            case "%" -> exact(() -> Math.floorMod(left, right));
            case "**" ->
                right < 0
                        ? Math.pow((double) left, (double) right)
                        : exact(() -> Math.powExact(left, Math.toIntExact(right)));
            default -> refuse(operator, left, right);
        };
    }

    private static Object exact(java.util.function.LongSupplier result) {
        try {
            return result.getAsLong();
        } catch (ArithmeticException e) {
            throw new JinjaException(
                    "the result of an arithmetic operation is not a number that fits: " + e.getMessage());
        }
    }

    private static Object floats(String operator, double left, double right) {
        if (right == 0 && List.of("/", "//", "%").contains(operator)) {
            throw new JinjaException("division by zero");
        }
        return switch (operator) {
            case "+" -> left + right;
            case "-" -> left - right;
            case "*" -> left * right;
            case "/" -> left / right;
            case "//" -> Math.floor(left / right);
            case "%" -> left - right * Math.floor(left / right);
            case "**" -> Math.pow(left, right);
            default -> refuse(operator, left, right);
        };
    }

    private Object plus(Object left, Object right) {
        if (left instanceof JinjaText a && right instanceof JinjaText b) {
            budget.text((long) a.text().length() + b.text().length());
            return a.plus(b);
        }
        if (left instanceof List<?> a && right instanceof List<?> b) {
            return joined(a, b);
        }
        if (left instanceof JinjaValues.Tuple(List<Object> a) && right instanceof JinjaValues.Tuple(List<Object> b)) {
            return new JinjaValues.Tuple(joined(a, b));
        }
        return refuse("+", left, right);
    }

    private List<Object> joined(List<?> left, List<?> right) {
        budget.items((long) left.size() + right.size());
        List<Object> items = new ArrayList<>(left);
        items.addAll(right);
        return items;
    }

    private Object repeatedFromRight(Object left, Object right) {
        return left instanceof Long times ? repeated(right, times) : refuse("*", left, right);
    }

    private Object repeated(Object value, long times) {
        int count = Math.clamp(times, 0, Integer.MAX_VALUE);
        return switch (value) {
            case JinjaText text -> {
                budget.text((long) text.text().length() * count);
                yield text.isEmpty() ? text : text.repeated(count);
            }
            case List<?> list -> {
                budget.items((long) list.size() * count);
                List<Object> items = new ArrayList<>();
                for (int i = 0; i < count && !list.isEmpty(); i++) {
                    items.addAll(list);
                }
                yield items;
            }
            default -> refuse("*", value, times);
        };
    }

    Object formatted(JinjaText format, Object values) {
        List<Object> arguments = values instanceof JinjaValues.Tuple(List<Object> items) ? items : List.of(values);
        return new JinjaFormat(budget).percent(format, arguments);
    }

    /// `object[key]`; what is not there is undefined.
    Object item(Object object, Object key) {
        JinjaValues.defined(object);
        if (object instanceof java.util.Map<?, ?> map) {
            Object value = JinjaValues.isKey(key) ? map.get(key) : null;
            return value != null ? value : missing(object, key);
        }
        if (!(key instanceof Long index)) {
            return missing(object, key);
        }
        return switch (object) {
            case JinjaText text -> {
                long place = index < 0 ? text.length() + index : index;
                yield place >= 0 && place < text.length() ? text.character((int) place) : missing(object, key);
            }
            case List<?> list -> at(list, index, object);
            case JinjaValues.Tuple(List<Object> items) -> at(items, index, object);
            default -> missing(object, key);
        };
    }

    private static Object at(List<?> items, long index, Object object) {
        long place = index < 0 ? items.size() + index : index;
        return place >= 0 && place < items.size() ? items.get((int) place) : missing(object, index);
    }

    static JinjaValues.Undefined missing(Object object, Object key) {
        String type = JinjaValues.typeName(object);
        String name = JinjaPython.repr(key);
        return new JinjaValues.Undefined(
                key instanceof Long
                        ? type + " object has no element " + name
                        : "'" + type + " object' has no attribute " + name);
    }

    /// `object[start:stop:step]`; `NONE` for a bound that is not there.
    Object slice(Object object, Object start, Object stop, Object step) {
        boolean text = JinjaValues.defined(object) instanceof JinjaText;
        if (!text && !(object instanceof List<?>) && !(object instanceof JinjaValues.Tuple)) {
            throw new JinjaException("cannot take a slice of a " + JinjaValues.typeName(object));
        }
        List<Object> items = JinjaValues.items(object);
        long stride = step == JinjaValues.NONE ? 1 : JinjaValues.requireInteger(step, "the step of a slice");
        if (stride == 0) {
            throw new JinjaException("the step of a slice cannot be zero");
        }
        int size = items.size();
        long from = bound(start, size, stride > 0 ? 0 : size - 1, stride < 0);
        long to = bound(stop, size, stride > 0 ? size : -1, stride < 0);
        budget.items(size);
        List<Object> taken = new ArrayList<>();
        for (long i = from; stride > 0 ? i < to : i > to; i += stride) {
            taken.add(items.get((int) i));
        }
        if (text) {
            JinjaText.Builder builder = new JinjaText.Builder();
            taken.forEach(character -> builder.append((JinjaText) character));
            return builder.build();
        }
        return object instanceof JinjaValues.Tuple ? new JinjaValues.Tuple(taken) : taken;
    }

    private static long bound(Object bound, int size, long otherwise, boolean backwards) {
        if (bound == JinjaValues.NONE) {
            return otherwise;
        }
        long place = JinjaValues.requireInteger(bound, "the bound of a slice");
        place = place < 0 ? place + size : place;
        return backwards ? Math.clamp(place, -1, size - 1) : Math.clamp(place, 0, size);
    }
}
