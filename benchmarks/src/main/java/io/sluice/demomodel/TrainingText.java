package io.sluice.demomodel;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.random.RandomGenerator;

/// Generates the whole training text from a seed: the same seed, the same text, on every machine. Conversations that
/// contain a held-out prompt are thrown away and invented again. Immutable.
final class TrainingText {
    private static final List<String> SYSTEM = List.of(
            "You are a helpful assistant.",
            "You are a friendly assistant.",
            "You are a helpful AI assistant. Answer briefly.",
            "Answer in one or two sentences.",
            "You are a kind teacher for children.",
            "Be polite and honest.",
            "You are the demo model of Sluice.",
            "Always answer in English.");

    private final Grammar stories = Grammar.load("words.txt", "stories.txt");
    private final Grammar facts = Grammar.load("facts-tables.txt", "facts.txt");
    private final Grammar smallTalk;
    private final Grammar sluice = Grammar.load("sluice.txt");
    private final Sums sums;
    private final List<Chat> chats;

    TrainingText(long seed, int chatCount, HeldOutPrompts heldOut) {
        this.smallTalk = Grammar.load("words.txt", "facts-tables.txt", "smalltalk.txt");
        this.sums = new Sums(stories);
        var random = new SplittableRandom(seed);
        var made = new ArrayList<Chat>(chatCount);
        while (made.size() < chatCount) {
            Chat chat = chat(random);
            if (chat.turns().stream().noneMatch(turn -> heldOut.occursIn(turn.user()))) {
                made.add(chat);
            }
        }
        this.chats = List.copyOf(made);
    }

    List<Chat> chats() {
        return chats;
    }

    /// Everything that is said, for the tokenizer to learn from.
    List<String> words() {
        var all = new ArrayList<String>();
        for (Chat chat : chats) {
            chat.plain().ifPresent(all::add);
            chat.system().ifPresent(all::add);
            chat.turns().forEach(turn -> all.addAll(List.of(turn.user(), turn.assistant())));
        }
        return all;
    }

    /// Hash of every character, for the card and for the test that the seed decides the text.
    String sha256() {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            for (Chat chat : chats) {
                digest.update(chat.toString().getBytes(StandardCharsets.UTF_8));
            }
            return HexFormat.of().formatHex(digest.digest());
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    private Chat chat(RandomGenerator random) {
        int kind = random.nextInt(100);
        if (kind < 3) {
            return Chat.plain(stories.text("story", random));
        }
        List<Chat.Turn> turns = new ArrayList<>(worded(topic(random), random));
        // Some conversations go on about something else; a few of them for long, so that late positions are trained.
        int more = kind < 12 ? 1 + random.nextInt(3) : kind < 13 ? 4 + random.nextInt(12) : 0;
        for (int i = 0; i < more; i++) {
            turns.addAll(worded(topic(random), random));
        }
        Optional<String> system =
                random.nextInt(8) == 0 ? Optional.of(SYSTEM.get(random.nextInt(SYSTEM.size()))) : Optional.empty();
        return new Chat(system, turns, Optional.empty());
    }

    private List<Chat.Turn> topic(RandomGenerator random) {
        int kind = random.nextInt(100);
        if (kind < 16) {
            return stories.chat(random);
        } else if (kind < 54) {
            return List.of(sums.turn(random));
        } else if (kind < 74) {
            return facts.chat(random);
        } else if (kind < 88) {
            return sluice.chat(random);
        }
        return smallTalk.chat(random);
    }

    /// People type in many ways: without capitals, without the mark at the end, with a word of courtesy.
    private static List<Chat.Turn> worded(List<Chat.Turn> turns, RandomGenerator random) {
        return turns.stream()
                .map(turn -> new Chat.Turn(worded(turn.user(), random), turn.assistant()))
                .toList();
    }

    private static String worded(String question, RandomGenerator random) {
        String text = question;
        if (random.nextInt(6) == 0 && ".?!".indexOf(text.charAt(text.length() - 1)) >= 0) {
            text = text.substring(0, text.length() - 1);
        }
        int way = random.nextInt(24);
        return switch (way) {
            case 0, 1 -> text.toLowerCase(Locale.ROOT);
            case 2, 3 -> uncapital(text);
            case 4 -> "Please " + uncapital(text);
            case 5 -> "Hello! " + text;
            case 6 -> "Hi, " + uncapital(text);
            case 7 -> text + " Please.";
            default -> text;
        };
    }

    private static String uncapital(String text) {
        return text.startsWith("I ") || text.startsWith("I'")
                ? text
                : Character.toLowerCase(text.charAt(0)) + text.substring(1);
    }
}
