package io.sluice.modelstore;

import io.sluice.modelstore.JinjaExpression.Arguments;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// What a template can do. Values, made by the parser.
sealed interface JinjaStatement {
    int line();

    record Text(JinjaText text, int line) implements JinjaStatement {}

    record Print(JinjaExpression value, int line) implements JinjaStatement {}

    /// `if`, its `elif`s and its `else`; as many conditions as bodies, or one fewer.
    record If(List<JinjaExpression> conditions, List<List<JinjaStatement>> bodies, int line)
            implements JinjaStatement {}

    record For(
            Target target,
            JinjaExpression items,
            @Nullable JinjaExpression condition,
            List<JinjaStatement> body,
            List<JinjaStatement> otherwise,
            int line)
            implements JinjaStatement {}

    record Set(Target target, JinjaExpression value, int line) implements JinjaStatement {}

    /// `set name | filters` with a body; the filters apply to a `Name` that stands for the body.
    record SetBlock(Target target, JinjaExpression filtered, List<JinjaStatement> body, int line)
            implements JinjaStatement {}

    /// `filter name` with a body; as `SetBlock`, but printed.
    record FilterBlock(JinjaExpression filtered, List<JinjaStatement> body, int line) implements JinjaStatement {}

    /// Scope of its own: `with`, with its assignments first.
    record With(List<Set> assignments, List<JinjaStatement> body, int line) implements JinjaStatement {}

    record Macro(
            String name,
            List<String> parameters,
            List<JinjaExpression> defaults, // of the last parameters
            List<JinjaStatement> body,
            int line)
            implements JinjaStatement {}

    /// `call(parameters) function(arguments)` with a body, which the function reaches as `caller`.
    record CallBlock(Macro caller, JinjaExpression function, Arguments arguments, int line) implements JinjaStatement {}

    record Break(int line) implements JinjaStatement {}

    record Continue(int line) implements JinjaStatement {}

    /// Where an assignment goes.
    sealed interface Target {}

    record NameTarget(String name) implements Target {}

    /// `namespace.attribute`
    record AttributeTarget(String namespace, String attribute) implements Target {}

    record TupleTarget(List<Target> parts) implements Target {}
}
