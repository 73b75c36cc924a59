package io.sluice.modelstore;

import io.sluice.modelstore.JinjaToken.Kind;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Cuts a template into tokens, with white space treated as Hugging Face does: `trim_blocks` and
/// `lstrip_blocks` are on, so a block that stands alone on its line leaves no line. One thread, one use.
final class JinjaLexer {
    private static final List<String> OPERATORS = List.of(
            "//", "**", "==", "!=", "<=", ">=", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}", "<", ">",
            "=", ".", ":", "|", ",", ";");
    private static final Pattern NUMBER =
            Pattern.compile("0[xX][0-9a-fA-F]+|\\d[\\d_]*((?:\\.\\d[\\d_]*)?[eE][+-]?\\d+|\\.\\d[\\d_]*)?");
    private static final Pattern NAME = Pattern.compile("[\\p{L}_][\\p{L}\\p{N}_]*");
    private static final Pattern RAW = Pattern.compile(
            "\\{%[-+]?\\s*raw\\s*(?:-%}\\s*|%})(.*?)\\{%([-+]?)\\s*endraw\\s*(\\+%}|-%}\\s*|%}\\n?)", Pattern.DOTALL);

    private final String source;
    private final List<JinjaToken> tokens = new ArrayList<>();
    private int at;
    private int line = 1;
    private boolean lineStarts = true; // what comes next is first on its line

    private JinjaLexer(String source) {
        this.source = source;
    }

    /// @throws JinjaException with the line, for something that is no token
    static List<JinjaToken> tokens(String template) {
        String source = template.replace("\r\n", "\n").replace('\r', '\n');
        JinjaLexer lexer = new JinjaLexer(source.endsWith("\n") ? source.substring(0, source.length() - 1) : source);
        lexer.readAll();
        return lexer.tokens;
    }

    private void readAll() {
        while (at < source.length()) {
            int tag = nextTag();
            readData(tag);
            if (at == source.length()) {
                break;
            }
            switch (source.charAt(at + 1)) {
                case '#' -> skipComment();
                case '{' -> readTag(Kind.PRINT_BEGIN, "{{", Kind.PRINT_END);
                default -> {
                    if (!readRaw()) {
                        readTag(Kind.BLOCK_BEGIN, "{%", Kind.BLOCK_END);
                    }
                }
            }
        }
        tokens.add(new JinjaToken(Kind.END, "", line));
    }

    private int nextTag() {
        for (int brace = source.indexOf('{', at); brace >= 0; brace = source.indexOf('{', brace + 1)) {
            if (brace + 1 < source.length() && "{%#".indexOf(source.charAt(brace + 1)) >= 0) {
                return brace;
            }
        }
        return source.length();
    }

    /// The text before a tag, less what the tag strips from it.
    private void readData(int tag) {
        String data = source.substring(at, tag);
        if (tag < source.length()) {
            char sign = tag + 2 < source.length() ? source.charAt(tag + 2) : ' ';
            data = strippedBefore(data, sign, source.charAt(tag + 1) == '{');
        }
        addData(data);
        countLines(at, tag);
        at = tag;
    }

    private String strippedBefore(String data, char sign, boolean print) {
        if (sign == '-') {
            return strippedRight(data);
        }
        int lineStart = data.lastIndexOf('\n') + 1;
        boolean aloneOnLine =
                (lineStart > 0 || lineStarts) && data.substring(lineStart).isBlank();
        return sign != '+' && !print && aloneOnLine ? data.substring(0, lineStart) : data;
    }

    private static String strippedRight(String data) {
        return JinjaText.template(data).strippedRight(JinjaText::isWhiteSpace).text();
    }

    private void addData(String data) {
        if (!data.isEmpty()) {
            tokens.add(new JinjaToken(Kind.DATA, data, line));
        }
    }

    private void skipComment() {
        int end = source.indexOf("#}", at + 2);
        if (end < 0) {
            throw new JinjaException("the comment '{#' is never closed", line);
        }
        char sign = end > at + 2 ? source.charAt(end - 1) : ' ';
        countLines(at, end + 2);
        at = end + 2;
        endTag(sign, true);
    }

    /// After a tag's last character: the white space that the tag takes with it.
    private void endTag(char sign, boolean takesNewline) {
        int from = at;
        if (sign == '-') {
            while (at < source.length() && JinjaText.isWhiteSpace(source.charAt(at))) {
                at++;
            }
        } else if (takesNewline && sign != '+' && at < source.length() && source.charAt(at) == '\n') {
            at++;
        }
        countLines(from, at);
        lineStarts = at > from && source.charAt(at - 1) == '\n';
    }

    private boolean readRaw() {
        Matcher raw = RAW.matcher(source).region(at, source.length());
        if (!raw.lookingAt()) {
            return false;
        }
        lineStarts = false;
        String ending = raw.group(3);
        String sign = raw.group(2);
        addData(strippedBefore(raw.group(1), sign.isEmpty() ? ' ' : sign.charAt(0), false));
        countLines(at, raw.end());
        at = raw.end();
        lineStarts = ending.endsWith("\n");
        return true;
    }

    private void readTag(Kind begin, String opening, Kind end) {
        tokens.add(new JinjaToken(begin, opening, line));
        int openedAt = line;
        boolean block = begin == Kind.BLOCK_BEGIN;
        String closing = block ? "%}" : "}}";
        at += 2;
        if (at < source.length() && (source.charAt(at) == '-' || source.charAt(at) == '+')) {
            at++;
        }
        int depth = 0;
        while (at < source.length()) {
            char c = source.charAt(at);
            if (JinjaText.isWhiteSpace(c)) {
                countLines(at, ++at);
                continue;
            }
            boolean signed = c == '-' || (c == '+' && block);
            if (depth == 0 && source.startsWith(closing, signed ? at + 1 : at)) {
                at += signed ? 3 : 2;
                tokens.add(new JinjaToken(end, closing, line));
                endTag(signed ? c : ' ', block);
                return;
            }
            readToken();
            depth += "([{".indexOf(c) >= 0 ? 1 : ")]}".indexOf(c) >= 0 ? -1 : 0;
        }
        throw new JinjaException("'" + opening + "' is never closed", openedAt);
    }

    private void readToken() {
        char c = source.charAt(at);
        if (c == '"' || c == '\'') {
            readString(c);
            return;
        }
        Matcher number = NUMBER.matcher(source).region(at, source.length());
        if (number.lookingAt()) {
            add(number.group(1) == null ? Kind.INTEGER : Kind.FLOAT, number.group());
            return;
        }
        Matcher name = NAME.matcher(source).region(at, source.length());
        if (name.lookingAt()) {
            add(Kind.NAME, name.group());
            return;
        }
        for (String operator : OPERATORS) {
            if (source.startsWith(operator, at)) {
                add(Kind.OPERATOR, operator);
                return;
            }
        }
        throw new JinjaException("unexpected character '" + Character.toString(source.codePointAt(at)) + "'", line);
    }

    private void add(Kind kind, String text) {
        tokens.add(new JinjaToken(kind, text, line));
        at += text.length();
    }

    private void readString(char quote) {
        int end = at + 1;
        while (end < source.length() && source.charAt(end) != quote) {
            end += source.charAt(end) == '\\' ? 2 : 1;
        }
        if (end >= source.length()) {
            throw new JinjaException("a string is never closed", line);
        }
        tokens.add(new JinjaToken(Kind.STRING, unescaped(source.substring(at + 1, end)), line));
        countLines(at, end + 1);
        at = end + 1;
    }

    private String unescaped(String literal) {
        if (literal.indexOf('\\') < 0) {
            return literal;
        }
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < literal.length(); i++) {
            char c = literal.charAt(i);
            if (c != '\\') {
                text.append(c);
                continue;
            }
            char escape = literal.charAt(++i);
            switch (escape) {
                case 'n' -> text.append('\n');
                case 't' -> text.append('\t');
                case 'r' -> text.append('\r');
                case 'b' -> text.append('\b');
                case 'f' -> text.append('\f');
                case 'v' -> text.append('\u000b');
                case 'a' -> text.append('\u0007');
                case '\n' -> {}
                case '\\', '\'', '"' -> text.append(escape);
                case 'x' -> i += appendHex(literal, i + 1, 2, text);
                case 'u' -> i += appendHex(literal, i + 1, 4, text);
                case 'U' -> i += appendHex(literal, i + 1, 8, text);
                case '0', '1', '2', '3', '4', '5', '6', '7' -> i += appendOctal(literal, i, text) - 1;
                default -> text.append('\\').append(escape);
            }
        }
        return text.toString();
    }

    private int appendHex(String literal, int from, int digits, StringBuilder text) {
        try {
            int codePoint = Integer.parseInt(literal.substring(from, Math.min(literal.length(), from + digits)), 16);
            text.appendCodePoint(codePoint);
        } catch (IllegalArgumentException e) {
            throw new JinjaException("a string has a broken escape: \\" + literal.substring(from - 1), line);
        }
        return digits;
    }

    private static int appendOctal(String literal, int from, StringBuilder text) {
        int end = from;
        int value = 0;
        while (end < literal.length() && end < from + 3 && literal.charAt(end) >= '0' && literal.charAt(end) <= '7') {
            value = value * 8 + literal.charAt(end++) - '0';
        }
        text.appendCodePoint(value);
        return end - from;
    }

    private void countLines(int from, int to) {
        for (int i = from; i < to; i++) {
            line += source.charAt(i) == '\n' ? 1 : 0;
        }
    }
}
