package io.sluice.modelstore;

import io.sluice.modelstore.JinjaExpression.Arguments;
import io.sluice.modelstore.JinjaExpression.Arithmetic;
import io.sluice.modelstore.JinjaExpression.Attribute;
import io.sluice.modelstore.JinjaExpression.Call;
import io.sluice.modelstore.JinjaExpression.Comparison;
import io.sluice.modelstore.JinjaExpression.Concatenation;
import io.sluice.modelstore.JinjaExpression.Conditional;
import io.sluice.modelstore.JinjaExpression.DictOf;
import io.sluice.modelstore.JinjaExpression.Item;
import io.sluice.modelstore.JinjaExpression.ListOf;
import io.sluice.modelstore.JinjaExpression.Literal;
import io.sluice.modelstore.JinjaExpression.Name;
import io.sluice.modelstore.JinjaExpression.Slice;
import io.sluice.modelstore.JinjaExpression.TupleOf;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Computes expressions. Reaches nothing but the values it is given: no reflection, no files, no clock but
/// the one in the variables. One thread, one rendering.
final class JinjaEvaluator {
    private final JinjaBudget budget;
    private final JinjaOperators operators;
    private final JinjaMethods methods;
    private final JinjaFilters filters;

    JinjaEvaluator(JinjaBudget budget) {
        this.budget = budget;
        operators = new JinjaOperators(budget);
        methods = new JinjaMethods(budget);
        filters = new JinjaFilters(budget, methods, operators, this::attribute);
    }

    Object evaluate(JinjaExpression expression, JinjaScope scope) {
        budget.enter();
        try {
            return compute(expression, scope);
        } finally {
            budget.leave();
        }
    }

    private Object compute(JinjaExpression expression, JinjaScope scope) {
        return switch (expression) {
            case Literal(Object value) -> value;
            case Name(String name) -> scope.get(name);
            case ListOf(List<JinjaExpression> items) -> all(items, scope);
            case TupleOf(List<JinjaExpression> items) -> new JinjaValues.Tuple(all(items, scope));
            case DictOf(List<JinjaExpression> keys, List<JinjaExpression> values) -> dict(keys, values, scope);
            case Attribute(JinjaExpression object, String name) -> attribute(evaluate(object, scope), name);
            case Item(JinjaExpression object, JinjaExpression key) ->
                item(evaluate(object, scope), evaluate(key, scope));
            case Slice slice ->
                operators.slice(
                        evaluate(slice.object(), scope),
                        orNone(slice.start(), scope),
                        orNone(slice.stop(), scope),
                        orNone(slice.step(), scope));
            case Call(JinjaExpression function, Arguments arguments) ->
                call(evaluate(function, scope), arguments(arguments, scope));
            case JinjaExpression.Filter(JinjaExpression operand, String name, Arguments arguments) ->
                filters.apply(name, evaluate(operand, scope), arguments(arguments, scope));
            case JinjaExpression.Test(JinjaExpression operand, String name, Arguments arguments) ->
                JinjaTests.test(name, evaluate(operand, scope), arguments(arguments, scope));
            case JinjaExpression.Not(JinjaExpression operand) -> !JinjaValues.truth(evaluate(operand, scope));
            case JinjaExpression.Sign(String operator, JinjaExpression operand) ->
                operators.sign(operator, evaluate(operand, scope));
            case JinjaExpression.And(JinjaExpression left, JinjaExpression right) -> {
                Object value = evaluate(left, scope);
                yield JinjaValues.truth(value) ? evaluate(right, scope) : value;
            }
            case JinjaExpression.Or(JinjaExpression left, JinjaExpression right) -> {
                Object value = evaluate(left, scope);
                yield JinjaValues.truth(value) ? value : evaluate(right, scope);
            }
            case Arithmetic(String operator, JinjaExpression left, JinjaExpression right) ->
                operators.arithmetic(operator, evaluate(left, scope), evaluate(right, scope));
            case Comparison comparison -> compare(comparison, scope);
            case Concatenation(List<JinjaExpression> parts) -> concatenated(parts, scope);
            case Conditional conditional -> choose(conditional, scope);
        };
    }

    private Object orNone(@Nullable JinjaExpression expression, JinjaScope scope) {
        return expression == null ? JinjaValues.NONE : evaluate(expression, scope);
    }

    private List<Object> all(List<JinjaExpression> expressions, JinjaScope scope) {
        List<Object> values = new ArrayList<>(expressions.size());
        for (JinjaExpression expression : expressions) {
            values.add(evaluate(expression, scope));
        }
        return values;
    }

    private Map<Object, Object> dict(List<JinjaExpression> keys, List<JinjaExpression> values, JinjaScope scope) {
        Map<Object, Object> dict = new LinkedHashMap<>();
        for (int i = 0; i < keys.size(); i++) {
            dict.put(JinjaValues.key(evaluate(keys.get(i), scope)), evaluate(values.get(i), scope));
        }
        return dict;
    }

    /// `object.name`: first what the object can do, then what it holds.
    Object attribute(Object object, String name) {
        return switch (JinjaValues.defined(object)) {
            case JinjaValues.Namespace namespace -> orMissing(namespace.attributes.get(name), object, name);
            case JinjaLoop loop -> orMissing(loop.attribute(name), object, name);
            default -> {
                JinjaFunction method = methods.find(object, name);
                yield method != null ? method : operators.item(object, JinjaText.user(name));
            }
        };
    }

    private static Object orMissing(@Nullable Object value, Object object, String name) {
        return value != null ? value : JinjaOperators.missing(object, JinjaText.user(name));
    }

    /// `object[key]`: first what the object holds, then what it can do.
    private Object item(Object object, Object key) {
        Object value = operators.item(object, key);
        return value instanceof JinjaValues.Undefined && key instanceof JinjaText name
                ? attribute(object, name.text())
                : value;
    }

    Object call(Object function, JinjaArguments arguments) {
        if (JinjaValues.defined(function) instanceof JinjaFunction callable) {
            return callable.call(arguments);
        }
        throw new JinjaException("a value of type " + JinjaValues.typeName(function) + " cannot be called");
    }

    JinjaArguments arguments(Arguments arguments, JinjaScope scope) {
        if (arguments.positional().isEmpty() && arguments.named().isEmpty()) {
            return JinjaArguments.NONE;
        }
        Map<String, Object> named = new LinkedHashMap<>();
        for (int i = 0; i < arguments.names().size(); i++) {
            named.put(arguments.names().get(i), evaluate(arguments.named().get(i), scope));
        }
        return new JinjaArguments(all(arguments.positional(), scope), named);
    }

    private Object compare(Comparison comparison, JinjaScope scope) {
        Object left = evaluate(comparison.first(), scope);
        for (int i = 0; i < comparison.operators().size(); i++) {
            Object right = evaluate(comparison.others().get(i), scope);
            if (!holds(comparison.operators().get(i), left, right)) {
                return false;
            }
            left = right;
        }
        return true;
    }

    private boolean holds(String operator, Object left, Object right) {
        if (operator.endsWith("in")) {
            budget.items(Math.min(JinjaValues.length(right) / 32, 1000));
        }
        return switch (operator) {
            case "==" -> JinjaValues.equal(left, right);
            case "!=" -> !JinjaValues.equal(left, right);
            case "<" -> JinjaValues.compare(left, right) < 0;
            case "<=" -> JinjaValues.compare(left, right) <= 0;
            case ">" -> JinjaValues.compare(left, right) > 0;
            case ">=" -> JinjaValues.compare(left, right) >= 0;
            case "in" -> JinjaValues.contains(right, left);
            default -> !JinjaValues.contains(right, left);
        };
    }

    private Object concatenated(List<JinjaExpression> parts, JinjaScope scope) {
        List<JinjaText> texts = new ArrayList<>(parts.size());
        for (JinjaExpression part : parts) {
            texts.add(JinjaValues.text(evaluate(part, scope)));
        }
        return methods.joined(texts, JinjaText.EMPTY);
    }

    private Object choose(Conditional conditional, JinjaScope scope) {
        if (JinjaValues.truth(evaluate(conditional.condition(), scope))) {
            return evaluate(conditional.then(), scope);
        }
        return conditional.otherwise() == null
                ? new JinjaValues.Undefined("an inline 'if' without 'else' was false")
                : evaluate(conditional.otherwise(), scope);
    }
}
