package io.sluice.modelstore.grammar;

import java.util.ArrayList;
import java.util.List;

/// Parses regular expressions as ECMAScript and Java have them in common. What no finite automaton can do
/// (back-references, look-around, word boundaries) is refused by name. One use, one thread.
final class RegexParser {
    private static final int REPEAT_MAX = 10_000;

    private final String source;
    private int at;
    private int depth;

    private RegexParser(String source) {
        this.source = source;
    }

    /// @throws GrammarException with the position of the mistake
    static Regex parse(String source) {
        if (source.length() > GrammarLimits.SOURCE_CHARS_MAX) {
            throw GrammarLimits.over("characters of a regular expression", GrammarLimits.SOURCE_CHARS_MAX);
        }
        RegexParser parser = new RegexParser(source);
        Regex regex = parser.alternatives();
        if (parser.at < source.length()) throw parser.wrong("unmatched )");
        return regex;
    }

    private Regex alternatives() {
        if (++depth > GrammarLimits.DEPTH_MAX) throw wrong("groups nested deeper than " + GrammarLimits.DEPTH_MAX);
        List<Regex> options = new ArrayList<>();
        do {
            options.add(sequence());
        } while (take('|'));
        depth--;
        return options.size() == 1 ? options.getFirst() : new Regex.Alternatives(options);
    }

    private Regex sequence() {
        List<Regex> parts = new ArrayList<>();
        while (at < source.length() && source.charAt(at) != '|' && source.charAt(at) != ')') parts.add(quantified());
        return parts.size() == 1 ? parts.getFirst() : new Regex.Concat(parts);
    }

    private Regex quantified() {
        Regex body = atom();
        for (int count = 0; at < source.length(); count++) {
            if (count > GrammarLimits.DEPTH_MAX) throw wrong("repetitions of repetitions");
            int start = at;
            int min;
            int max = Regex.UNBOUNDED;
            if (take('*')) {
                min = 0;
            } else if (take('+')) {
                min = 1;
            } else if (take('?')) {
                min = 0;
                max = 1;
            } else if (source.charAt(at) == '{') {
                at++;
                min = number();
                if (!take(',')) max = min;
                else if (source.startsWith("}", at)) max = Regex.UNBOUNDED;
                else max = number();
                if (!take('}')) throw wrong("{ without }");
                if (max < min) throw wrong("a repetition whose upper bound is below the lower one");
            } else {
                return body;
            }
            if (at - start == 1 && source.charAt(start) != '?' && take('+')) throw wrong("a possessive quantifier");
            take('?'); // lazy or not, the texts that match are the same
            body = new Regex.Repeat(body, min, max);
        }
        return body;
    }

    private int number() {
        int start = at;
        while (at < source.length() && source.charAt(at) >= '0' && source.charAt(at) <= '9') at++;
        if (at == start) throw wrong("{ without a number; write \\{ for the character");
        String digits = source.substring(start, at);
        if (digits.length() > 6 || Integer.parseInt(digits) > REPEAT_MAX) {
            throw GrammarLimits.over("repetitions in a regular expression", REPEAT_MAX);
        }
        return Integer.parseInt(digits);
    }

    private Regex atom() {
        int c = next();
        return switch (c) {
            case '(' -> group();
            case '[' -> new Regex.Chars(charClass());
            case '.' -> new Regex.Chars(RegexClasses.NO_LINE_END);
            case '^' -> new Regex.Chars(Regex.BEGIN);
            case '$' -> new Regex.Chars(Regex.END);
            case '*', '+', '?' -> throw wrong("nothing to repeat before " + (char) c);
            case '{' -> throw wrong("nothing to repeat before {; write \\{ for the character");
            case '\\' -> new Regex.Chars(escape().narrow());
            default -> new Regex.Chars(CodePoints.of(c));
        };
    }

    private Regex group() {
        if (take('?')) {
            if (source.startsWith("<=", at) || source.startsWith("<!", at)) throw wrong("look-behind (?<=, ?<!)");
            if (take('<')) {
                int end = source.indexOf('>', at);
                if (end < 0) throw wrong("a group's name without >");
                at = end + 1;
            } else if (source.startsWith("=", at) || source.startsWith("!", at)) {
                throw wrong("look-ahead (?=, ?!)");
            } else if (!take(':')) {
                throw wrong("a group that begins with (? and is none of (?:...) and (?<name>...)");
            }
        }
        Regex body = alternatives();
        if (!take(')')) throw wrong("( without )");
        return body;
    }

    private CodePoints charClass() {
        boolean negated = take('^');
        CodePoints narrow = CodePoints.NONE;
        CodePoints wide = CodePoints.NONE;
        boolean first = true;
        while (true) {
            int c = next();
            if (c == ']' && !first) break;
            if (c == ']') throw wrong("an empty character class");
            first = false;
            if (c == '[') throw wrong("a [ inside a character class; write \\[");
            RegexClasses.Named item = c == '\\' ? classEscape() : RegexClasses.exactly(CodePoints.of(c));
            boolean isRange = source.startsWith("-", at) && !source.startsWith("-]", at);
            if (isRange) {
                at++;
                int from = single(item);
                int d = next();
                int to = single(d == '\\' ? classEscape() : RegexClasses.exactly(CodePoints.of(d)));
                if (to < from) throw wrong("a range whose end is before its start");
                item = RegexClasses.exactly(CodePoints.of(from, to).and(CodePoints.ALL));
            }
            narrow = narrow.or(item.narrow());
            wide = wide.or(item.wide());
        }
        CodePoints set = negated ? wide.not() : narrow;
        if (set.isEmpty()) throw wrong("a character class without characters");
        return set;
    }

    private RegexClasses.Named classEscape() {
        if (take('b')) return RegexClasses.exactly(CodePoints.of('\b'));
        if (take('-')) return RegexClasses.exactly(CodePoints.of('-'));
        return escape();
    }

    private int single(RegexClasses.Named item) {
        CodePoints set = item.narrow();
        if (set.rangeCount() != 1 || set.first(0) != set.last(0)) throw wrong("a range that ends in a class");
        return set.first(0);
    }

    private RegexClasses.Named escape() {
        int c = next();
        return switch (c) {
            case 'd', 'D', 's', 'S', 'w', 'W' -> RegexClasses.of((char) c);
            case 'n' -> RegexClasses.exactly(CodePoints.of('\n'));
            case 't' -> RegexClasses.exactly(CodePoints.of('\t'));
            case 'r' -> RegexClasses.exactly(CodePoints.of('\r'));
            case 'f' -> RegexClasses.exactly(CodePoints.of('\f'));
            case 'v' -> RegexClasses.exactly(CodePoints.of(0x0B));
            case '0' -> RegexClasses.exactly(CodePoints.of(0));
            case 'x' -> RegexClasses.exactly(CodePoints.of(hex(2)));
            case 'u' -> RegexClasses.exactly(CodePoints.of(unicodeEscape()));
            case 'p', 'P' -> property(c == 'P');
            case 'b', 'B' -> throw wrong("a word boundary \\" + (char) c);
            case 'A', 'Z', 'z', 'G' -> throw wrong("the anchor \\" + (char) c + "; use ^ and $");
            case '1', '2', '3', '4', '5', '6', '7', '8', '9', 'k' -> throw wrong("the back-reference \\" + (char) c);
            default -> {
                if (Character.isLetterOrDigit(c)) throw wrong("the unknown escape \\" + Character.toString(c));
                yield RegexClasses.exactly(CodePoints.of(c));
            }
        };
    }

    private int unicodeEscape() {
        int c;
        if (take('{')) {
            int end = source.indexOf('}', at);
            if (end < 0 || end == at || end - at > 6) throw wrong("a bad escape \\u{...}");
            c = hex(end - at);
            at++;
        } else {
            c = hex(4);
            if (Character.isHighSurrogate((char) c) && source.startsWith("\\u", at)) {
                at += 2;
                c = Character.toCodePoint((char) c, (char) hex(4));
            }
        }
        if (c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF)) throw wrong("an escape that is no character");
        return c;
    }

    private int hex(int digits) {
        if (at + digits > source.length()) throw wrong("an escape with too few digits");
        try {
            int value = Integer.parseInt(source, at, at + digits, 16);
            at += digits;
            return value;
        } catch (NumberFormatException e) {
            throw wrong("an escape with wrong digits");
        }
    }

    private RegexClasses.Named property(boolean negated) {
        if (!take('{')) throw wrong("\\p without {...}");
        int end = source.indexOf('}', at);
        if (end < 0) throw wrong("\\p{ without }");
        String name = source.substring(at, end);
        at = end + 1;
        CodePoints set = RegexClasses.property(name);
        if (set.isEmpty()) throw wrong("the unknown property \\p{" + name + "}; general categories are known");
        return RegexClasses.exactly(negated ? set.not() : set);
    }

    private int next() {
        if (at >= source.length()) throw wrong("an unexpected end");
        int c = source.codePointAt(at);
        if (c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE) throw wrong("half a surrogate pair");
        at += Character.charCount(c);
        return c;
    }

    private boolean take(char c) {
        if (at >= source.length() || source.charAt(at) != c) return false;
        at++;
        return true;
    }

    private GrammarException wrong(String what) {
        return new GrammarException("the regular expression holds " + what + ", near character " + at);
    }
}
