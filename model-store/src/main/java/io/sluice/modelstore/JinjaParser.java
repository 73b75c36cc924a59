package io.sluice.modelstore;

import io.sluice.modelstore.JinjaStatement.Target;
import io.sluice.modelstore.JinjaToken.Kind;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/// Parses a template's statements. One thread, one use.
final class JinjaParser {
    private final JinjaTokens tokens;
    private final JinjaExpressionParser expressions;
    private int loopDepth;

    private JinjaParser(String template) {
        tokens = new JinjaTokens(JinjaLexer.tokens(template));
        expressions = new JinjaExpressionParser(tokens);
    }

    /// @throws JinjaException naming the line and what is wrong there
    static List<JinjaStatement> parse(String template) {
        JinjaParser parser = new JinjaParser(template);
        List<JinjaStatement> statements = parser.parseUntil(Set.of(), "the template", 1);
        parser.tokens.expect(Kind.END);
        return statements;
    }

    /// Statements up to one of the ending words, which is left where it is, behind its `{%`.
    private List<JinjaStatement> parseUntil(Set<String> endings, String opened, int openedAt) {
        List<JinjaStatement> statements = new ArrayList<>();
        while (true) {
            JinjaToken token = tokens.peek();
            switch (token.kind()) {
                case DATA -> {
                    statements.add(new JinjaStatement.Text(JinjaText.template(token.text()), token.line()));
                    tokens.take();
                }
                case PRINT_BEGIN -> statements.add(parsePrint());
                case BLOCK_BEGIN -> {
                    tokens.take();
                    if (tokens.at(Kind.NAME) && endings.contains(tokens.peek().text())) {
                        return statements;
                    }
                    statements.addAll(tokens.nested(this::parseBlock));
                }
                case END -> {
                    if (!endings.isEmpty()) {
                        throw new JinjaException("'" + opened + "' is never closed", openedAt);
                    }
                    return statements;
                }
                case BLOCK_END, PRINT_END, NAME, STRING, INTEGER, FLOAT, OPERATOR ->
                    throw tokens.unexpected("text or a tag");
            }
        }
    }

    private JinjaStatement parsePrint() {
        int line = tokens.take().line();
        JinjaExpression value = expressions.parseTuple();
        tokens.expect(Kind.PRINT_END);
        return new JinjaStatement.Print(value, line);
    }

    private List<JinjaStatement> parseBlock() {
        int line = tokens.line();
        String word = tokens.takeIdentifier("the name of a statement");
        return switch (word) {
            case "if" -> List.of(parseIf(line));
            case "for" -> List.of(parseFor(line));
            case "set" -> List.of(parseSet(line));
            case "macro" -> List.of(parseMacro(line));
            case "call" -> List.of(parseCall(line));
            case "filter" -> List.of(parseFilterBlock(line));
            case "with" -> List.of(parseWith(line));
            case "generation" -> {
                tokens.expect(Kind.BLOCK_END);
                yield parseBody("generation", line);
            }
            case "break" -> List.of(parseJump(new JinjaStatement.Break(line), word));
            case "continue" -> List.of(parseJump(new JinjaStatement.Continue(line), word));
            default ->
                throw new JinjaException(
                        word.startsWith("end") || word.startsWith("el")
                                ? "'" + word + "' closes nothing that is open here"
                                : "the statement '" + word + "' is not supported",
                        line);
        };
    }

    /// A body with `endword` behind it, taken too.
    private List<JinjaStatement> parseBody(String word, int line) {
        List<JinjaStatement> body = parseUntil(Set.of("end" + word), word, line);
        endBlock("end" + word);
        return body;
    }

    private void endBlock(String word) {
        tokens.expectName(word);
        if (word.equals("endmacro") && tokens.at(Kind.NAME)) {
            tokens.take();
        }
        tokens.expect(Kind.BLOCK_END);
    }

    private JinjaStatement parseIf(int line) {
        List<JinjaExpression> conditions = new ArrayList<>();
        List<List<JinjaStatement>> bodies = new ArrayList<>();
        String word = "if";
        while (!word.equals("endif")) {
            if (!word.equals("else")) {
                conditions.add(expressions.parseTuple());
            }
            tokens.expect(Kind.BLOCK_END);
            boolean last = word.equals("else");
            bodies.add(parseUntil(last ? Set.of("endif") : Set.of("elif", "else", "endif"), "if", line));
            word = tokens.take().text();
        }
        tokens.expect(Kind.BLOCK_END);
        return new JinjaStatement.If(conditions, bodies, line);
    }

    private JinjaStatement parseFor(int line) {
        Target target = parseTarget();
        tokens.expectName("in");
        JinjaExpression items = parseItems();
        JinjaExpression condition = tokens.takeName("if") ? expressions.parse() : null;
        if (tokens.atName("recursive")) {
            throw new JinjaException("recursive loops are not supported", line);
        }
        tokens.expect(Kind.BLOCK_END);
        loopDepth++;
        List<JinjaStatement> body = parseUntil(Set.of("else", "endfor"), "for", line);
        loopDepth--;
        List<JinjaStatement> otherwise = List.of();
        if (tokens.takeName("else")) {
            tokens.expect(Kind.BLOCK_END);
            otherwise = parseUntil(Set.of("endfor"), "for", line);
        }
        endBlock("endfor");
        return new JinjaStatement.For(target, items, condition, body, otherwise, line);
    }

    private JinjaExpression parseItems() {
        JinjaExpression first = tokens.nested(expressions::parseOr);
        if (!tokens.atOperator(",")) {
            return first;
        }
        List<JinjaExpression> items = new ArrayList<>(List.of(first));
        while (tokens.takeOperator(",")) {
            items.add(tokens.nested(expressions::parseOr));
        }
        return new JinjaExpression.TupleOf(items);
    }

    private Target parseTarget() {
        Target first = parseOneTarget();
        if (!tokens.atOperator(",")) {
            return first;
        }
        List<Target> parts = new ArrayList<>(List.of(first));
        while (tokens.takeOperator(",")) {
            parts.add(parseOneTarget());
        }
        return new JinjaStatement.TupleTarget(parts);
    }

    private Target parseOneTarget() {
        if (tokens.takeOperator("(")) {
            Target inner = tokens.nested(this::parseTarget);
            tokens.expectOperator(")");
            return inner;
        }
        String name = tokens.takeIdentifier("a name to assign to");
        if (tokens.takeOperator(".")) {
            return new JinjaStatement.AttributeTarget(name, tokens.takeIdentifier("a name after '.'"));
        }
        return new JinjaStatement.NameTarget(name);
    }

    private JinjaStatement parseSet(int line) {
        Target target = parseTarget();
        if (tokens.takeOperator("=")) {
            JinjaExpression value = expressions.parseTuple();
            tokens.expect(Kind.BLOCK_END);
            return new JinjaStatement.Set(target, value, line);
        }
        JinjaExpression filtered = parseFilters();
        tokens.expect(Kind.BLOCK_END);
        return new JinjaStatement.SetBlock(target, filtered, parseBody("set", line), line);
    }

    /// Filters behind a block's name; they apply to the block's text.
    private JinjaExpression parseFilters() {
        JinjaExpression value = JinjaRenderer.BLOCK_TEXT;
        while (tokens.atOperator("|")) {
            value = expressions.parseFilter(value);
        }
        return value;
    }

    private JinjaStatement parseFilterBlock(int line) {
        JinjaExpression filtered = expressions.parseFirstFilter(JinjaRenderer.BLOCK_TEXT);
        while (tokens.atOperator("|")) {
            filtered = expressions.parseFilter(filtered);
        }
        tokens.expect(Kind.BLOCK_END);
        return new JinjaStatement.FilterBlock(filtered, parseBody("filter", line), line);
    }

    private JinjaStatement parseWith(int line) {
        List<JinjaStatement.Set> assignments = new ArrayList<>();
        while (!tokens.at(Kind.BLOCK_END)) {
            if (!assignments.isEmpty()) {
                tokens.expectOperator(",");
            }
            Target target = parseOneTarget();
            tokens.expectOperator("=");
            assignments.add(new JinjaStatement.Set(target, expressions.parse(), line));
        }
        tokens.expect(Kind.BLOCK_END);
        return new JinjaStatement.With(assignments, parseBody("with", line), line);
    }

    private JinjaStatement.Macro parseMacro(int line) {
        String name = tokens.takeIdentifier("the name of a macro");
        tokens.expectOperator("(");
        List<String> parameters = new ArrayList<>();
        List<JinjaExpression> defaults = new ArrayList<>();
        parseParameters(parameters, defaults);
        tokens.expect(Kind.BLOCK_END);
        return new JinjaStatement.Macro(name, parameters, defaults, parseMacroBody("macro", line), line);
    }

    private List<JinjaStatement> parseMacroBody(String word, int line) {
        int outerLoops = loopDepth;
        loopDepth = 0;
        List<JinjaStatement> body = parseBody(word, line);
        loopDepth = outerLoops;
        return body;
    }

    private void parseParameters(List<String> parameters, List<JinjaExpression> defaults) {
        while (!tokens.takeOperator(")")) {
            parameters.add(tokens.takeIdentifier("the name of a parameter"));
            if (tokens.takeOperator("=")) {
                defaults.add(expressions.parse());
            } else if (!defaults.isEmpty()) {
                throw tokens.unexpected("a default value");
            }
            if (!tokens.atOperator(")")) {
                tokens.expectOperator(",");
            }
        }
    }

    private JinjaStatement parseCall(int line) {
        List<String> parameters = new ArrayList<>();
        List<JinjaExpression> defaults = new ArrayList<>();
        if (tokens.takeOperator("(")) {
            parseParameters(parameters, defaults);
        }
        JinjaExpression call = expressions.parse();
        if (!(call instanceof JinjaExpression.Call(JinjaExpression function, JinjaExpression.Arguments arguments))) {
            throw new JinjaException("'call' needs the call of a macro", line);
        }
        tokens.expect(Kind.BLOCK_END);
        List<JinjaStatement> body = parseMacroBody("call", line);
        JinjaStatement.Macro caller = new JinjaStatement.Macro("caller", parameters, defaults, body, line);
        return new JinjaStatement.CallBlock(caller, function, arguments, line);
    }

    private JinjaStatement parseJump(JinjaStatement jump, String word) {
        if (loopDepth == 0) {
            throw new JinjaException("'" + word + "' outside of a loop", jump.line());
        }
        tokens.expect(Kind.BLOCK_END);
        return jump;
    }
}
