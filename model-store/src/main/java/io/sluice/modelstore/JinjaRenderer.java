package io.sluice.modelstore;

import io.sluice.modelstore.JinjaStatement.AttributeTarget;
import io.sluice.modelstore.JinjaStatement.CallBlock;
import io.sluice.modelstore.JinjaStatement.FilterBlock;
import io.sluice.modelstore.JinjaStatement.For;
import io.sluice.modelstore.JinjaStatement.If;
import io.sluice.modelstore.JinjaStatement.Macro;
import io.sluice.modelstore.JinjaStatement.NameTarget;
import io.sluice.modelstore.JinjaStatement.Print;
import io.sluice.modelstore.JinjaStatement.SetBlock;
import io.sluice.modelstore.JinjaStatement.Target;
import io.sluice.modelstore.JinjaStatement.Text;
import io.sluice.modelstore.JinjaStatement.TupleTarget;
import io.sluice.modelstore.JinjaStatement.With;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Carries out statements and collects what they print. One thread, one rendering.
final class JinjaRenderer {
    /// Stands for the text of a block that filters apply to; no template can write this name.
    static final JinjaExpression BLOCK_TEXT = new JinjaExpression.Name("(block)");

    /// What comes after a statement.
    private enum Next {
        GO_ON,
        BREAK,
        CONTINUE
    }

    private final JinjaBudget budget = new JinjaBudget();
    private final JinjaEvaluator evaluator = new JinjaEvaluator(budget);

    /// @throws JinjaException if the template refuses, or asks for what is not there
    RenderedChat render(List<JinjaStatement> template, Map<String, Object> variables) {
        JinjaScope globals = new JinjaScope(null);
        JinjaGlobals.addTo(globals, budget);
        variables.forEach(globals::set);
        JinjaText.Builder output = new JinjaText.Builder();
        run(template, new JinjaScope(globals), output);
        return output.rendered();
    }

    private Next run(List<JinjaStatement> statements, JinjaScope scope, JinjaText.Builder output) {
        budget.enter();
        try {
            for (JinjaStatement statement : statements) {
                Next next = runOne(statement, scope, output);
                if (next != Next.GO_ON) {
                    return next;
                }
            }
            return Next.GO_ON;
        } finally {
            budget.leave();
        }
    }

    private Next runOne(JinjaStatement statement, JinjaScope scope, JinjaText.Builder output) {
        budget.step();
        try {
            return switch (statement) {
                case Text(JinjaText text, int line) -> print(text, output);
                case Print(JinjaExpression value, int line) ->
                    print(JinjaValues.text(evaluator.evaluate(value, scope)), output);
                case If branches -> run(chosen(branches, scope), scope, output);
                case For loop -> runLoop(loop, scope, output);
                case JinjaStatement.Set(Target target, JinjaExpression value, int line) ->
                    assign(target, evaluator.evaluate(value, scope), scope);
                case SetBlock(Target target, JinjaExpression filtered, List<JinjaStatement> body, int line) ->
                    assign(target, filtered(filtered, body, scope), scope);
                case FilterBlock(JinjaExpression filtered, List<JinjaStatement> body, int line) ->
                    print(JinjaValues.text(filtered(filtered, body, scope)), output);
                case With with -> runWith(with, scope, output);
                case Macro macro -> assign(new NameTarget(macro.name()), function(macro, scope), scope);
                case CallBlock block -> print(JinjaValues.text(callWithBody(block, scope)), output);
                case JinjaStatement.Break(int line) -> Next.BREAK;
                case JinjaStatement.Continue(int line) -> Next.CONTINUE;
            };
        } catch (JinjaException e) {
            throw e.at(statement.line());
        }
    }

    private Next print(JinjaText text, JinjaText.Builder output) {
        budget.text(text.text().length());
        JinjaBudget.textLength((long) output.length() + text.text().length());
        output.append(text);
        return Next.GO_ON;
    }

    private List<JinjaStatement> chosen(If branches, JinjaScope scope) {
        for (int i = 0; i < branches.conditions().size(); i++) {
            if (JinjaValues.truth(evaluator.evaluate(branches.conditions().get(i), scope))) {
                return branches.bodies().get(i);
            }
        }
        boolean hasElse = branches.bodies().size() > branches.conditions().size();
        return hasElse ? branches.bodies().getLast() : List.of();
    }

    private Next runLoop(For loop, JinjaScope scope, JinjaText.Builder output) {
        List<Object> items = JinjaValues.items(evaluator.evaluate(loop.items(), scope));
        budget.items(items.size());
        JinjaExpression condition = loop.condition();
        if (condition != null) {
            items = kept(items, loop.target(), condition, scope);
        }
        if (items.isEmpty()) {
            return run(loop.otherwise(), new JinjaScope(scope), output);
        }
        for (int i = 0; i < items.size(); i++) {
            JinjaScope round = new JinjaScope(scope);
            round.set("loop", new JinjaLoop(items, i));
            assign(loop.target(), items.get(i), round);
            if (run(loop.body(), round, output) == Next.BREAK) {
                break;
            }
        }
        return Next.GO_ON;
    }

    private List<Object> kept(List<Object> items, Target target, JinjaExpression condition, JinjaScope scope) {
        List<Object> kept = new ArrayList<>();
        for (Object item : items) {
            JinjaScope round = new JinjaScope(scope);
            assign(target, item, round);
            if (JinjaValues.truth(evaluator.evaluate(condition, round))) {
                kept.add(item);
            }
        }
        return kept;
    }

    private Next assign(Target target, Object value, JinjaScope scope) {
        switch (target) {
            case NameTarget(String name) -> scope.set(name, value);
            case AttributeTarget(String name, String attribute) -> {
                if (!(scope.get(name) instanceof JinjaValues.Namespace namespace)) {
                    throw new JinjaException(
                            "cannot set '" + name + "." + attribute + "': only a namespace can be changed");
                }
                namespace.attributes.put(attribute, value);
            }
            case TupleTarget(List<Target> parts) -> {
                List<Object> values = JinjaValues.items(JinjaValues.defined(value));
                if (values.size() != parts.size()) {
                    throw new JinjaException(
                            "cannot assign " + values.size() + " values to " + parts.size() + " names");
                }
                for (int i = 0; i < parts.size(); i++) {
                    assign(parts.get(i), values.get(i), scope);
                }
            }
        }
        return Next.GO_ON;
    }

    /// A block's text with its filters applied.
    private Object filtered(JinjaExpression filters, List<JinjaStatement> body, JinjaScope scope) {
        JinjaScope inner = new JinjaScope(scope);
        JinjaText.Builder text = new JinjaText.Builder();
        run(body, inner, text);
        inner.set(((JinjaExpression.Name) BLOCK_TEXT).name(), text.build());
        return evaluator.evaluate(filters, inner);
    }

    private Next runWith(With with, JinjaScope scope, JinjaText.Builder output) {
        JinjaScope inner = new JinjaScope(scope);
        for (JinjaStatement.Set assignment : with.assignments()) {
            assign(assignment.target(), evaluator.evaluate(assignment.value(), scope), inner);
        }
        return run(with.body(), inner, output);
    }

    private JinjaFunction function(Macro macro, JinjaScope scope) {
        return arguments -> callMacro(macro, arguments, scope);
    }

    private Object callMacro(Macro macro, JinjaArguments arguments, JinjaScope scope) {
        Map<String, Object> named = new LinkedHashMap<>(arguments.named());
        Object caller = named.remove("caller");
        JinjaArguments checked = new JinjaArguments(arguments.positional(), named)
                .checked("the macro '" + macro.name() + "'", macro.parameters());
        JinjaScope inner = new JinjaScope(scope);
        inner.set(
                "caller",
                caller == null
                        ? new JinjaValues.Undefined("'caller' is undefined: nothing called this macro with a body")
                        : caller);
        int required = macro.parameters().size() - macro.defaults().size();
        for (int i = 0; i < macro.parameters().size(); i++) {
            String name = macro.parameters().get(i);
            Object value = checked.find(i, name);
            if (value == null) {
                value = i >= required
                        ? evaluator.evaluate(macro.defaults().get(i - required), inner)
                        : new JinjaValues.Undefined("parameter '" + name + "' was not provided");
            }
            inner.set(name, value);
        }
        JinjaText.Builder text = new JinjaText.Builder();
        run(macro.body(), inner, text);
        return text.build();
    }

    private Object callWithBody(CallBlock block, JinjaScope scope) {
        JinjaArguments arguments = evaluator.arguments(block.arguments(), scope);
        Map<String, Object> named = new LinkedHashMap<>(arguments.named());
        named.put("caller", function(block.caller(), scope));
        return evaluator.call(
                evaluator.evaluate(block.function(), scope), new JinjaArguments(arguments.positional(), named));
    }
}
