package io.sluice.modelstore;

import io.sluice.modelstore.JinjaExpression.Arguments;
import io.sluice.modelstore.JinjaToken.Kind;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// Parses expressions, by recursive descent from the loosest binding to the tightest. One thread.
final class JinjaExpressionParser {
    private static final Set<String> COMPARISONS = Set.of("==", "!=", "<", "<=", ">", ">=");
    /// Words that may follow a test that has no argument.
    private static final Set<String> NOT_AN_ARGUMENT = Set.of("else", "or", "and", "if", "is", "in", "not");

    private final JinjaTokens tokens;

    JinjaExpressionParser(JinjaTokens tokens) {
        this.tokens = tokens;
    }

    /// An expression, or several with commas between: a tuple.
    JinjaExpression parseTuple() {
        JinjaExpression first = parse();
        if (!tokens.atOperator(",")) {
            return first;
        }
        List<JinjaExpression> items = new ArrayList<>(List.of(first));
        while (tokens.takeOperator(",") && startsExpression()) {
            items.add(parse());
        }
        return new JinjaExpression.TupleOf(items);
    }

    private boolean startsExpression() {
        JinjaToken token = tokens.peek();
        return switch (token.kind()) {
            case NAME, STRING, INTEGER, FLOAT -> true;
            case OPERATOR -> Set.of("(", "[", "{", "-", "+").contains(token.text());
            case DATA, BLOCK_BEGIN, BLOCK_END, PRINT_BEGIN, PRINT_END, END -> false;
        };
    }

    JinjaExpression parse() {
        return tokens.nested(this::parseConditional);
    }

    private JinjaExpression parseConditional() {
        JinjaExpression value = parseOr();
        while (tokens.takeName("if")) {
            JinjaExpression condition = parseOr();
            JinjaExpression otherwise = tokens.takeName("else") ? parse() : null;
            value = new JinjaExpression.Conditional(condition, value, otherwise);
        }
        return value;
    }

    /// Without `if` at the top, as the items of a `for` need it.
    JinjaExpression parseOr() {
        JinjaExpression left = parseAnd();
        while (tokens.takeName("or")) {
            left = new JinjaExpression.Or(left, parseAnd());
        }
        return left;
    }

    private JinjaExpression parseAnd() {
        JinjaExpression left = parseNot();
        while (tokens.takeName("and")) {
            left = new JinjaExpression.And(left, parseNot());
        }
        return left;
    }

    private JinjaExpression parseNot() {
        if (tokens.takeName("not")) {
            return new JinjaExpression.Not(tokens.nested(this::parseNot));
        }
        return parseComparison();
    }

    private JinjaExpression parseComparison() {
        JinjaExpression first = parseSum();
        List<String> operators = new ArrayList<>();
        List<JinjaExpression> others = new ArrayList<>();
        for (String operator = takeComparison(); operator != null; operator = takeComparison()) {
            operators.add(operator);
            others.add(parseSum());
        }
        return operators.isEmpty() ? first : new JinjaExpression.Comparison(first, operators, others);
    }

    private @Nullable String takeComparison() {
        JinjaToken token = tokens.peek();
        if (token.kind() == Kind.OPERATOR && COMPARISONS.contains(token.text())) {
            return tokens.take().text();
        }
        if (tokens.takeName("in")) {
            return "in";
        }
        if (tokens.atName("not") && tokens.peekAfter().is(Kind.NAME, "in")) {
            tokens.take();
            tokens.take();
            return "not in";
        }
        return null;
    }

    private JinjaExpression parseSum() {
        return parseArithmetic(Set.of("+", "-"), this::parseConcatenation);
    }

    private JinjaExpression parseConcatenation() {
        JinjaExpression first = parseProduct();
        if (!tokens.atOperator("~")) {
            return first;
        }
        List<JinjaExpression> parts = new ArrayList<>(List.of(first));
        while (tokens.takeOperator("~")) {
            parts.add(parseProduct());
        }
        return new JinjaExpression.Concatenation(parts);
    }

    private JinjaExpression parseProduct() {
        return parseArithmetic(
                Set.of("*", "/", "//", "%"), () -> parseArithmetic(Set.of("**"), () -> parseSigned(true)));
    }

    private JinjaExpression parseArithmetic(Set<String> operators, Supplier<JinjaExpression> operand) {
        JinjaExpression left = operand.get();
        while (tokens.at(Kind.OPERATOR) && operators.contains(tokens.peek().text())) {
            left = new JinjaExpression.Arithmetic(tokens.take().text(), left, operand.get());
        }
        return left;
    }

    private JinjaExpression parseSigned(boolean withFilters) {
        JinjaExpression value;
        if (tokens.atOperator("-") || tokens.atOperator("+")) {
            String sign = tokens.take().text();
            value = new JinjaExpression.Sign(sign, tokens.nested(() -> parseSigned(false)));
        } else {
            value = parsePrimary();
        }
        value = parsePostfix(value);
        return withFilters ? parseFilters(value) : value;
    }

    private JinjaExpression parsePrimary() {
        JinjaToken token = tokens.peek();
        return switch (token.kind()) {
            case NAME -> parseName(tokens.take().text());
            case STRING -> parseString();
            case INTEGER -> new JinjaExpression.Literal(integer(tokens.take()));
            case FLOAT ->
                new JinjaExpression.Literal(Double.valueOf(tokens.take().text().replace("_", "")));
            case OPERATOR ->
                switch (token.text()) {
                    case "(" -> parseParentheses();
                    case "[" -> parseList();
                    case "{" -> parseDict();
                    default -> throw tokens.unexpected("an expression");
                };
            case DATA, BLOCK_BEGIN, BLOCK_END, PRINT_BEGIN, PRINT_END, END -> throw tokens.unexpected("an expression");
        };
    }

    private static Long integer(JinjaToken token) {
        String digits = token.text().replace("_", "");
        try {
            return Long.decode(digits.startsWith("0x") || digits.startsWith("0X") ? digits : trimmedZeros(digits));
        } catch (NumberFormatException e) {
            throw new JinjaException("the number " + digits + " is too large", token.line());
        }
    }

    /// `decode` would take a leading zero for octal.
    private static String trimmedZeros(String digits) {
        String trimmed = digits.replaceFirst("^0+", "");
        return trimmed.isEmpty() ? "0" : trimmed;
    }

    private static JinjaExpression parseName(String name) {
        return switch (name) {
            case "true", "True" -> new JinjaExpression.Literal(true);
            case "false", "False" -> new JinjaExpression.Literal(false);
            case "none", "None" -> new JinjaExpression.Literal(JinjaValues.NONE);
            default -> new JinjaExpression.Name(name);
        };
    }

    private JinjaExpression parseString() {
        StringBuilder text = new StringBuilder();
        while (tokens.at(Kind.STRING)) {
            text.append(tokens.take().text());
        }
        return new JinjaExpression.Literal(JinjaText.template(text.toString()));
    }

    private JinjaExpression parseParentheses() {
        tokens.expectOperator("(");
        if (tokens.takeOperator(")")) {
            return new JinjaExpression.TupleOf(List.of());
        }
        JinjaExpression value = parseTuple();
        tokens.expectOperator(")");
        return value;
    }

    private JinjaExpression parseList() {
        tokens.expectOperator("[");
        List<JinjaExpression> items = new ArrayList<>();
        while (!tokens.takeOperator("]")) {
            items.add(parse());
            endItem("]");
        }
        return new JinjaExpression.ListOf(items);
    }

    private JinjaExpression parseDict() {
        tokens.expectOperator("{");
        List<JinjaExpression> keys = new ArrayList<>();
        List<JinjaExpression> values = new ArrayList<>();
        while (!tokens.takeOperator("}")) {
            keys.add(parse());
            tokens.expectOperator(":");
            values.add(parse());
            endItem("}");
        }
        return new JinjaExpression.DictOf(keys, values);
    }

    /// A comma, or the end without taking it.
    private void endItem(String closing) {
        if (!tokens.atOperator(closing)) {
            tokens.expectOperator(",");
        }
    }

    private JinjaExpression parsePostfix(JinjaExpression start) {
        JinjaExpression value = start;
        while (true) {
            if (tokens.takeOperator(".")) {
                value = parseAfterDot(value);
            } else if (tokens.atOperator("[")) {
                value = parseSubscript(value);
            } else if (tokens.atOperator("(")) {
                value = new JinjaExpression.Call(value, parseArguments());
            } else {
                return value;
            }
        }
    }

    private JinjaExpression parseAfterDot(JinjaExpression object) {
        if (tokens.at(Kind.INTEGER)) {
            return new JinjaExpression.Item(object, new JinjaExpression.Literal(integer(tokens.take())));
        }
        return new JinjaExpression.Attribute(object, tokens.takeIdentifier("a name after '.'"));
    }

    private JinjaExpression parseSubscript(JinjaExpression object) {
        tokens.expectOperator("[");
        JinjaExpression start = tokens.atOperator(":") ? null : parse();
        if (!tokens.takeOperator(":")) {
            tokens.expectOperator("]");
            if (start == null) {
                throw tokens.unexpected("an index");
            }
            return new JinjaExpression.Item(object, start);
        }
        JinjaExpression stop = tokens.atOperator(":") || tokens.atOperator("]") ? null : parse();
        JinjaExpression step = tokens.takeOperator(":") && !tokens.atOperator("]") ? parse() : null;
        tokens.expectOperator("]");
        return new JinjaExpression.Slice(object, start, stop, step);
    }

    private JinjaExpression parseFilters(JinjaExpression start) {
        JinjaExpression value = start;
        while (true) {
            if (tokens.atOperator("|")) {
                value = parseFilter(value);
            } else if (tokens.takeName("is")) {
                value = parseTest(value);
            } else if (tokens.atOperator("(")) {
                value = new JinjaExpression.Call(value, parseArguments());
            } else {
                return value;
            }
        }
    }

    /// One `| name(arguments)`.
    JinjaExpression parseFilter(JinjaExpression operand) {
        tokens.expectOperator("|");
        return parseFirstFilter(operand);
    }

    /// `name(arguments)`, as it stands behind `filter`.
    JinjaExpression parseFirstFilter(JinjaExpression operand) {
        int line = tokens.line();
        String name = tokens.takeIdentifier("the name of a filter");
        if (!JinjaFilters.knows(name)) {
            throw new JinjaException("there is no filter named '" + name + "'", line);
        }
        Arguments arguments = tokens.atOperator("(") ? parseArguments() : Arguments.NONE;
        return new JinjaExpression.Filter(operand, name, arguments);
    }

    private JinjaExpression parseTest(JinjaExpression operand) {
        boolean negated = tokens.takeName("not");
        int line = tokens.line();
        String name = tokens.takeIdentifier("the name of a test");
        if (!JinjaTests.knows(name)) {
            throw new JinjaException("there is no test named '" + name + "'", line);
        }
        JinjaExpression test = new JinjaExpression.Test(operand, name, testArguments());
        return negated ? new JinjaExpression.Not(test) : test;
    }

    private Arguments testArguments() {
        if (tokens.atOperator("(")) {
            return parseArguments();
        }
        boolean argument = switch (tokens.peek().kind()) {
            case NAME -> !NOT_AN_ARGUMENT.contains(tokens.peek().text());
            case STRING, INTEGER, FLOAT -> true;
            case OPERATOR -> tokens.atOperator("[") || tokens.atOperator("{");
            case DATA, BLOCK_BEGIN, BLOCK_END, PRINT_BEGIN, PRINT_END, END -> false;
        };
        return argument ? new Arguments(List.of(parsePostfix(parsePrimary())), List.of(), List.of()) : Arguments.NONE;
    }

    Arguments parseArguments() {
        tokens.expectOperator("(");
        List<JinjaExpression> positional = new ArrayList<>();
        List<String> names = new ArrayList<>();
        List<JinjaExpression> named = new ArrayList<>();
        while (!tokens.takeOperator(")")) {
            if (tokens.at(Kind.NAME) && tokens.peekAfter().is(Kind.OPERATOR, "=")) {
                names.add(tokens.take().text());
                tokens.expectOperator("=");
                named.add(parse());
            } else if (names.isEmpty()) {
                positional.add(parse());
            } else {
                throw tokens.unexpected("an argument with its name");
            }
            endItem(")");
        }
        return new Arguments(positional, names, named);
    }
}
