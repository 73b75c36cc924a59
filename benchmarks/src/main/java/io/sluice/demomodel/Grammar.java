package io.sluice.demomodel;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.random.RandomGenerator;

/// Invents conversations from a page of rules. A page has, separated by blank lines or not:
///
/// - `name: one | two | three`, a rule with its alternatives (a line that starts with `|` continues it); an
///   alternative may have fields, `sky/blue`;
/// - a chat: lines `> question` (alternatives of one turn), then lines `< answer`, then perhaps another turn. `*3`
///   before it makes it three times as likely.
///
/// In a text, `[a|b]` picks one; `{name}` is an alternative of the rule, the same one throughout a chat; `{name.1}`
/// its second field, `{name*}` all fields; `{a:name}` puts "a" or "an" before it; `{^name}` (or `{^a:name}`) begins
/// with a capital.
/// Immutable once loaded.
final class Grammar {
    private static final int DEPTH_MAX = 12;

    private record Block(List<List<String>> users, List<List<String>> assistants) {}

    private final Map<String, List<String>> rules = new HashMap<>();
    private final List<Block> blocks = new ArrayList<>(); // as often as its weight says

    /// Reads pages from this package's resources; rules of one page are known to the others.
    static Grammar load(String... pages) {
        var grammar = new Grammar();
        for (String page : pages) {
            grammar.read(text(page));
        }
        return grammar;
    }

    static String text(String resource) {
        try (InputStream in = Objects.requireNonNull(Grammar.class.getResourceAsStream(resource), resource)) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void read(String page) {
        String rule = "";
        int weight = 1;
        var chat = new ArrayList<String>();
        for (String line : (page + "\n\n").lines().toList()) {
            if (line.isBlank()) {
                addChat(chat, weight);
                chat.clear();
                weight = 1;
            } else if (line.startsWith("*")) {
                weight = Integer.parseInt(line.substring(1).strip());
            } else if (line.startsWith(">") || line.startsWith("<")) {
                chat.add(line);
            } else if (line.startsWith("|")) {
                alternatives(rule).addAll(split(line.substring(1)));
            } else if (!line.startsWith("#")) {
                int colon = line.indexOf(':');
                rule = line.substring(0, colon).strip();
                alternatives(rule).addAll(split(line.substring(colon + 1)));
            }
        }
    }

    private List<String> alternatives(String rule) {
        return rules.computeIfAbsent(rule, _ -> new ArrayList<>());
    }

    private void addChat(List<String> lines, int weight) {
        if (lines.isEmpty()) {
            return;
        }
        var users = new ArrayList<List<String>>();
        var assistants = new ArrayList<List<String>>();
        char before = '<';
        for (String line : lines) {
            char mark = line.charAt(0);
            if (mark != before) {
                (mark == '>' ? users : assistants).add(new ArrayList<>());
            }
            (mark == '>' ? users : assistants).getLast().addAll(split(line.substring(1)));
            before = mark;
        }
        if (users.size() != assistants.size()) {
            throw new IllegalArgumentException("a chat needs an answer to each question: " + lines);
        }
        for (int i = 0; i < weight; i++) {
            blocks.add(new Block(users, assistants));
        }
    }

    /// Splits at the bars that stand outside brackets.
    private static List<String> split(String text) {
        var parts = new ArrayList<String>();
        int depth = 0;
        int start = 0;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            depth += c == '[' ? 1 : c == ']' ? -1 : 0;
            if (c == '|' && depth == 0) {
                parts.add(text.substring(start, i).strip());
                start = i + 1;
            }
        }
        parts.add(text.substring(start).strip());
        return parts;
    }

    /// Invents one conversation.
    List<Chat.Turn> chat(RandomGenerator random) {
        Block block = pick(blocks, random);
        var words = new HashMap<String, String[]>();
        var turns = new ArrayList<Chat.Turn>();
        for (int i = 0; i < block.users().size(); i++) {
            String user = expand(pick(block.users().get(i), random), words, random, 0);
            String assistant = expand(pick(block.assistants().get(i), random), words, random, 0);
            turns.add(new Chat.Turn(user, assistant));
        }
        return turns;
    }

    /// Expands one rule by itself.
    String text(String rule, RandomGenerator random) {
        return expand("{" + rule + "}", new HashMap<>(), random, 0);
    }

    private static <T> T pick(List<T> from, RandomGenerator random) {
        return from.get(random.nextInt(from.size()));
    }

    private String expand(String text, Map<String, String[]> words, RandomGenerator random, int depth) {
        if (depth > DEPTH_MAX) {
            throw new IllegalArgumentException("a rule that contains itself: " + text);
        }
        var out = new StringBuilder();
        int at = 0;
        while (at < text.length()) {
            char c = text.charAt(at);
            if (c == '{') {
                int end = text.indexOf('}', at);
                out.append(slot(text.substring(at + 1, end), words, random, depth));
                at = end + 1;
            } else if (c == '[') {
                int end = text.indexOf(']', at);
                out.append(expand(pick(split(text.substring(at + 1, end)), random), words, random, depth + 1));
                at = end + 1;
            } else {
                out.append(c);
                at++;
            }
        }
        return out.toString();
    }

    private String slot(String reference, Map<String, String[]> words, RandomGenerator random, int depth) {
        boolean capital = reference.startsWith("^");
        String name = reference.substring(capital ? 1 : 0);
        boolean article = name.startsWith("a:");
        name = name.substring(article ? 2 : 0);
        boolean all = name.endsWith("*");
        int field = 0;
        if (all) {
            name = name.substring(0, name.length() - 1);
        } else if (name.indexOf('.') > 0) {
            field = Integer.parseInt(name.substring(name.indexOf('.') + 1));
            name = name.substring(0, name.indexOf('.'));
        }
        String[] fields = words.get(name);
        if (fields == null) {
            List<String> alternatives = rules.get(name);
            if (alternatives == null) {
                throw new IllegalArgumentException("no rule " + name);
            }
            fields =
                    expand(pick(alternatives, random), words, random, depth + 1).split("/", -1);
            words.put(name, fields);
        }
        String word = all ? String.join("/", fields) : fields[field];
        if (article) {
            word = ("aeiou".indexOf(Character.toLowerCase(word.charAt(0))) >= 0 ? "an " : "a ") + word;
        }
        return capital ? Character.toUpperCase(word.charAt(0)) + word.substring(1) : word;
    }
}
