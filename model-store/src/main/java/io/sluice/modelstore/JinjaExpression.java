package io.sluice.modelstore;

import java.util.List;
import org.jspecify.annotations.Nullable;

/// What a template can compute. Values, made by the parser.
sealed interface JinjaExpression {
    /// A value as it stands in the template; see `JinjaValues`.
    record Literal(Object value) implements JinjaExpression {}

    record Name(String name) implements JinjaExpression {}

    record ListOf(List<JinjaExpression> items) implements JinjaExpression {}

    record TupleOf(List<JinjaExpression> items) implements JinjaExpression {}

    record DictOf(List<JinjaExpression> keys, List<JinjaExpression> values) implements JinjaExpression {}

    /// `object.name`
    record Attribute(JinjaExpression object, String name) implements JinjaExpression {}

    /// `object[key]`
    record Item(JinjaExpression object, JinjaExpression key) implements JinjaExpression {}

    /// `object[start:stop:step]`
    record Slice(
            JinjaExpression object,
            @Nullable JinjaExpression start,
            @Nullable JinjaExpression stop,
            @Nullable JinjaExpression step)
            implements JinjaExpression {}

    record Call(JinjaExpression function, Arguments arguments) implements JinjaExpression {}

    /// `operand | name(arguments)`
    record Filter(JinjaExpression operand, String name, Arguments arguments) implements JinjaExpression {}

    /// `operand is name(arguments)`
    record Test(JinjaExpression operand, String name, Arguments arguments) implements JinjaExpression {}

    record Not(JinjaExpression operand) implements JinjaExpression {}

    /// `-operand` or `+operand`
    record Sign(String operator, JinjaExpression operand) implements JinjaExpression {}

    record And(JinjaExpression left, JinjaExpression right) implements JinjaExpression {}

    record Or(JinjaExpression left, JinjaExpression right) implements JinjaExpression {}

    record Arithmetic(String operator, JinjaExpression left, JinjaExpression right) implements JinjaExpression {}

    /// `first < second <= third`: each operator between its neighbours.
    record Comparison(JinjaExpression first, List<String> operators, List<JinjaExpression> others)
            implements JinjaExpression {}

    /// `a ~ b ~ c`
    record Concatenation(List<JinjaExpression> parts) implements JinjaExpression {}

    /// `then if condition else otherwise`
    record Conditional(
            JinjaExpression condition,
            JinjaExpression then,
            @Nullable JinjaExpression otherwise) implements JinjaExpression {}

    record Arguments(List<JinjaExpression> positional, List<String> names, List<JinjaExpression> named) {
        static final Arguments NONE = new Arguments(List.of(), List.of(), List.of());
    }
}
