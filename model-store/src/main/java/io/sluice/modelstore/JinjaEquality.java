package io.sluice.modelstore;

import java.util.List;
import java.util.Map;
import java.util.Objects;

/// Python's `==`, for values that may be nested so as to never end. One thread, one use.
final class JinjaEquality {
    private static final int COMPARISONS_MAX = 1_000_000;

    private int comparisons;
    private int depth;

    boolean equal(Object left, Object right) {
        if (JinjaValues.isNumber(left) && JinjaValues.isNumber(right)) {
            return (left instanceof Double || right instanceof Double)
                    ? JinjaValues.toDouble(left) == JinjaValues.toDouble(right)
                    : JinjaValues.toLong(left) == JinjaValues.toLong(right);
        }
        return switch (left) {
            case List<?> list -> right instanceof List<?> other && equalItems(list, other);
            case JinjaValues.Tuple(List<Object> items) ->
                right instanceof JinjaValues.Tuple(List<Object> others) && equalItems(items, others);
            case Map<?, ?> map -> right instanceof Map<?, ?> other && equalEntries(map, other);
            case JinjaValues.Undefined undefined -> right instanceof JinjaValues.Undefined;
            default -> Objects.equals(left, right);
        };
    }

    private boolean equalItems(List<?> left, List<?> right) {
        if (left.size() != right.size()) {
            return false;
        }
        enter(left.size());
        for (int i = 0; i < left.size(); i++) {
            if (!equal(left.get(i), right.get(i))) {
                return false;
            }
        }
        depth--;
        return true;
    }

    private boolean equalEntries(Map<?, ?> left, Map<?, ?> right) {
        if (left.size() != right.size()) {
            return false;
        }
        enter(left.size());
        for (Map.Entry<?, ?> entry : left.entrySet()) {
            Object other = right.get(entry.getKey());
            if (other == null || !equal(entry.getValue(), other)) {
                return false;
            }
        }
        depth--;
        return true;
    }

    private void enter(int items) {
        comparisons += items + 1;
        if (++depth > JinjaBudget.VALUE_DEPTH_MAX || comparisons > COMPARISONS_MAX) {
            throw JinjaBudget.tooDeep();
        }
    }
}
