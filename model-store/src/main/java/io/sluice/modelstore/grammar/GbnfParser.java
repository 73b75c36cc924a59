package io.sluice.modelstore.grammar;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// Parses grammars in llama.cpp's notation (GBNF), which is that of EBNF with `::=`: literals, character
/// classes, groups, repetitions, `|`, comments. The first rule is `root`. One use, one thread.
final class GbnfParser {
    private static final int REPEAT_MAX = 10_000;

    private final String source;
    private final Rules rules;
    private final Map<String, Integer> ruleOf = new HashMap<>();
    private final Map<String, Integer> usedAt = new HashMap<>(); // place of the first use
    private final Set<String> defined = new HashSet<>();
    private int at;
    private int depth;

    private GbnfParser(String source, Rules rules) {
        this.source = source;
        this.rules = rules;
    }

    /// Adds the grammar's rules.
    ///
    /// @return a call of its root
    /// @throws GrammarException with the line of the mistake
    static Expression add(String source, Rules rules) {
        if (source.length() > GrammarLimits.SOURCE_CHARS_MAX) {
            throw GrammarLimits.over("characters of a grammar", GrammarLimits.SOURCE_CHARS_MAX);
        }
        GbnfParser parser = new GbnfParser(source, rules);
        parser.parse();
        return new Expression.Call(parser.rule("root"));
    }

    private void parse() {
        blank(true);
        while (at < source.length()) {
            String name = name();
            blank(false);
            if (!source.startsWith("::=", at)) throw wrong("::= is missing after the rule's name " + name);
            at += 3;
            blank(true);
            if (!defined.add(name)) throw wrong("the rule " + name + " is defined twice");
            rules.set(rule(name), alternatives(false));
            if (at < source.length() && !atLineEnd()) throw wrong("unexpected " + source.charAt(at));
            blank(true);
        }
        if (!defined.contains("root")) throw new GrammarException("the grammar has no rule named root");
        for (String used : ruleOf.keySet()) {
            if (defined.contains(used)) continue;
            at = usedAt.getOrDefault(used, 0);
            throw wrong("the rule " + used + " is not defined");
        }
    }

    private int rule(String name) {
        usedAt.putIfAbsent(name, at);
        return ruleOf.computeIfAbsent(name, _ -> rules.reserve());
    }

    private String name() {
        int start = at;
        while (at < source.length() && isNamePart(source.charAt(at))) at++;
        if (at == start) {
            throw wrong(at < source.length() ? "a rule's name, not " + source.charAt(at) : "a rule's name is missing");
        }
        return source.substring(start, at);
    }

    private static boolean isNamePart(char c) {
        return c == '-' || c == '_' || (c < 128 && Character.isLetterOrDigit(c));
    }

    /// @param nested inside a group, where lines may end anywhere
    private Expression alternatives(boolean nested) {
        if (++depth > GrammarLimits.DEPTH_MAX) throw wrong("groups nested deeper than " + GrammarLimits.DEPTH_MAX);
        List<Expression> options = new ArrayList<>();
        options.add(sequence(nested));
        while (takesBar(nested)) options.add(sequence(nested));
        depth--;
        return options.size() == 1 ? options.getFirst() : new Expression.Choice(options);
    }

    /// A bar may also begin the line after.
    private boolean takesBar(boolean nested) {
        int before = at;
        blank(true);
        if (at < source.length() && source.charAt(at) == '|') {
            at++;
            blank(true);
            return true;
        }
        if (!nested) at = before;
        return false;
    }

    private Expression sequence(boolean nested) {
        List<Expression> parts = new ArrayList<>();
        while (at < source.length()) {
            char c = source.charAt(at);
            Expression part;
            if (c == '"') part = literal();
            else if (c == '[') part = new Expression.Letter(characters());
            else if (c == '.') part = any();
            else if (c == '(') part = group();
            else if (isNamePart(c)) part = new Expression.Call(rule(name()));
            else if (c == '<' || c == '!') throw wrong("tokens by their id or name are not supported");
            else break;
            parts.add(repeated(part));
            blank(nested);
        }
        return parts.size() == 1 ? parts.getFirst() : new Expression.Sequence(parts);
    }

    private Expression any() {
        at++;
        return new Expression.Letter(CodePoints.ALL);
    }

    private Expression group() {
        at++;
        blank(true);
        Expression body = alternatives(true);
        blank(true);
        if (at >= source.length() || source.charAt(at) != ')') throw wrong("( without )");
        at++;
        return body;
    }

    private Expression repeated(Expression part) {
        Expression body = part;
        for (int count = 0; at < source.length(); count++) {
            if (count > GrammarLimits.DEPTH_MAX) throw wrong("repetitions of repetitions");
            switch (source.charAt(at)) {
                case '*' -> body = Expression.any(body);
                case '+' -> body = new Expression.Repeat(body, 1, Regex.UNBOUNDED);
                case '?' -> body = Expression.optional(body);
                case '{' -> body = counted(body);
                default -> {
                    return body;
                }
            }
            at++;
        }
        return body;
    }

    private Expression counted(Expression body) {
        at++;
        int end = source.indexOf('}', at);
        if (end < 0) throw wrong("{ without }");
        String[] bounds = source.substring(at, end).split(",", -1);
        at = end; // on the brace
        int min = bounds[0].isBlank() && bounds.length == 2 ? 0 : count(bounds[0]);
        int max = min;
        if (bounds.length == 2) max = bounds[1].isBlank() ? Regex.UNBOUNDED : count(bounds[1]);
        if (bounds.length > 2 || max < min) throw wrong("a repetition {m,n} without m <= n");
        return new Expression.Repeat(body, min, max);
    }

    private int count(String digits) {
        try {
            int count = Integer.parseInt(digits.strip());
            if (count > REPEAT_MAX) throw GrammarLimits.over("repetitions", REPEAT_MAX);
            if (count >= 0) return count;
        } catch (NumberFormatException e) {
            throw wrong("a repetition with \"" + digits + "\" for a number");
        }
        throw wrong("a repetition below zero");
    }

    private Expression literal() {
        at++;
        StringBuilder text = new StringBuilder();
        while (true) {
            if (at >= source.length() || source.charAt(at) == '\n') throw wrong("a literal without its end \"");
            if (source.charAt(at) == '"') break;
            text.appendCodePoint(character());
        }
        at++;
        return new Expression.Literal(text.toString());
    }

    private CodePoints characters() {
        at++;
        boolean negated = at < source.length() && source.charAt(at) == '^';
        if (negated) at++;
        List<int[]> ranges = new ArrayList<>();
        while (true) {
            if (at >= source.length()) throw wrong("[ without ]");
            if (source.charAt(at) == ']') break;
            int first = character();
            int last = first;
            if (source.startsWith("-", at) && !source.startsWith("-]", at)) {
                at++;
                last = character();
            }
            if (last < first) throw wrong("a range whose end is before its start");
            ranges.add(new int[] {first, last});
        }
        at++;
        CodePoints set = CodePoints.union(ranges).and(CodePoints.ALL);
        CodePoints result = negated ? set.not() : set;
        if (result.isEmpty()) throw wrong("a character class without characters");
        return result;
    }

    private int character() {
        if (at >= source.length()) throw wrong("an unexpected end");
        int c = source.codePointAt(at);
        if (c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE) throw wrong("half a surrogate pair");
        at += Character.charCount(c);
        if (c != '\\') return c;
        if (at >= source.length()) throw wrong("an unexpected end");
        char escape = source.charAt(at++);
        return switch (escape) {
            case 'n' -> '\n';
            case 'r' -> '\r';
            case 't' -> '\t';
            case 'x' -> hex(2);
            case 'u' -> hex(4);
            case 'U' -> hex(8);
            case '\\', '"', '[', ']', '-', '^', '\'', '/' -> escape;
            default -> throw wrong("the unknown escape \\" + escape);
        };
    }

    private int hex(int digits) {
        if (at + digits > source.length()) throw wrong("an escape with too few digits");
        try {
            int c = Integer.parseUnsignedInt(source, at, at + digits, 16);
            at += digits;
            if (c >= 0 && c <= 0x10FFFF && (c < 0xD800 || c > 0xDFFF)) return c;
        } catch (NumberFormatException e) {
            throw wrong("an escape with wrong digits");
        }
        throw wrong("an escape that is no character");
    }

    /// Passes over blanks and comments, and with `lines` also over ends of lines.
    private void blank(boolean lines) {
        while (at < source.length()) {
            char c = source.charAt(at);
            if (c == '#') {
                while (at < source.length() && source.charAt(at) != '\n') at++;
            } else if (c == ' ' || c == '\t' || (lines && (c == '\n' || c == '\r'))) {
                at++;
            } else {
                return;
            }
        }
    }

    private boolean atLineEnd() {
        return source.charAt(at) == '\n' || source.charAt(at) == '\r';
    }

    private int line() {
        return 1
                + (int) source.substring(0, Math.min(at, source.length()))
                        .chars()
                        .filter(c -> c == '\n')
                        .count();
    }

    private GrammarException wrong(String what) {
        return new GrammarException("the grammar is wrong in line " + line() + ": " + what);
    }
}
