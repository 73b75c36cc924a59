package io.sluice.server.openai;

import java.util.Arrays;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// How far a client's copy of a stream goes. Its text is the id of the event that brings a client there, and what the
/// client sends when it comes back; to clients it means nothing. One thread.
///
/// The text is `BEGUN-CHOICE.CHOICE...` and an end: how many choices have had their opening event; for each
/// choice the tokens behind what was sent of it, with `e` once all its text was sent and `f` once its finish
/// was; `-u` once the usage was sent, `-z` once everything was. `1-17e` is a chat of one choice whose text is
/// whole.
final class StreamPosition {

    /// The most choices: the id of every event names each.
    static final int CHOICES_MAX = 128;

    private static final Pattern FORM =
            Pattern.compile("(\\d{1,3})-(\\d{1,9}[ef]?(?:\\.\\d{1,9}[ef]?){0,127})(-[uz])?");
    private static final char TEXT = 't'; // text is still to come; not written
    private static final char COMPLETE = 'e';
    private static final char FINISHED = 'f';

    private final int[] tokens; // [choice]
    private final char[] stages; // [choice]
    private int begun;
    private boolean usageSent;
    private boolean over;

    private StreamPosition(int choices) {
        tokens = new int[choices];
        stages = new char[choices];
        Arrays.fill(stages, TEXT);
    }

    /// Before the first event.
    static StreamPosition start(int choices) {
        return new StreamPosition(choices);
    }

    /// The position that `id` names in a stream of so many choices; empty if it names none.
    static Optional<StreamPosition> parse(String id, int choices) {
        Matcher matcher = FORM.matcher(id);
        if (!matcher.matches()) return Optional.empty();
        String[] parts = matcher.group(2).split("\\.", -1);
        StreamPosition position = new StreamPosition(choices);
        position.begun = Integer.parseInt(matcher.group(1));
        if (parts.length != choices || position.begun > choices) return Optional.empty();
        for (int choice = 0; choice < choices; choice++) {
            String part = parts[choice];
            char last = part.charAt(part.length() - 1);
            boolean marked = last == COMPLETE || last == FINISHED;
            if (marked) position.stages[choice] = last;
            position.tokens[choice] = Integer.parseInt(marked ? part.substring(0, part.length() - 1) : part);
        }
        position.over = "-z".equals(matcher.group(3));
        position.usageSent = matcher.group(3) != null;
        return Optional.of(position);
    }

    int choiceCount() {
        return tokens.length;
    }

    /// Choices whose opening event was sent.
    int begun() {
        return begun;
    }

    int tokens(int choice) {
        return tokens[choice];
    }

    /// True once all of the choice's text was sent.
    boolean isComplete(int choice) {
        return stages[choice] != TEXT;
    }

    /// True once the choice's finish was sent.
    boolean isFinished(int choice) {
        return stages[choice] == FINISHED;
    }

    boolean isUsageSent() {
        return usageSent;
    }

    /// True once nothing is left to send.
    boolean isOver() {
        return over;
    }

    void begin() {
        begun++;
    }

    void addText(int choice, int tokensRead, boolean complete) {
        tokens[choice] = tokensRead;
        if (complete) stages[choice] = COMPLETE;
    }

    void finish(int choice, int tokensRead) {
        tokens[choice] = tokensRead;
        stages[choice] = FINISHED;
    }

    void sendUsage() {
        usageSent = true;
    }

    void end() {
        over = true;
    }

    @Override
    public String toString() {
        StringBuilder id = new StringBuilder().append(begun);
        for (int choice = 0; choice < tokens.length; choice++) {
            id.append(choice == 0 ? '-' : '.').append(tokens[choice]);
            if (stages[choice] != TEXT) id.append(stages[choice]);
        }
        if (over) id.append("-z");
        else if (usageSent) id.append("-u");
        return id.toString();
    }
}
