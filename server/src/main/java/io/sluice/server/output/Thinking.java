package io.sluice.server.output;

import io.sluice.modelstore.grammar.Structure;
import java.util.List;
import java.util.function.Consumer;

/// Tells reasoning, `<think>...</think>` at the beginning of an answer, from the answer. White space around the two is
/// dropped. One thread.
final class Thinking {
    static final String BEGIN = "<think>";
    static final String END = "</think>";

    /// What models leave between their reasoning and their answer.
    private static final Structure GAP = new Structure.OneOf(List.of("", "\n", "\n\n"));

    private static final Structure.Until TO_THE_END = new Structure.Until(new Structure.Marker(END));

    private enum Stage {
        /// The answer may begin with the marker.
        UNDECIDED,
        /// Reasoning has begun, and its white space is dropped.
        BEGINS,
        THINKS,
        /// The answer begins, and its white space is dropped.
        ENDS,
        ANSWERS
    }

    private final MarkerWatch begin = new MarkerWatch(BEGIN);
    private final MarkerWatch end = new MarkerWatch(END);
    private final Consumer<String> reasoning;
    private final Consumer<String> answer;
    private final boolean opened;
    private Stage stage = Stage.UNDECIDED;

    /// @param opened the prompt has begun the reasoning
    Thinking(boolean opened, Consumer<String> reasoning, Consumer<String> answer) {
        this.reasoning = reasoning;
        this.answer = answer;
        this.opened = opened;
    }

    /// Reasoning, if there is any, and then `answer`.
    static Structure before(Structure answer, boolean opened) {
        if (opened) return new Structure.Joined(List.of(TO_THE_END, GAP, answer));
        Structure thought = new Structure.Joined(List.of(new Structure.Marker(BEGIN), TO_THE_END, GAP));
        Structure perhaps = new Structure.Either(List.of(new Structure.OneOf(List.of("")), thought));
        return new Structure.Joined(List.of(perhaps, answer));
    }

    /// True while what comes is reasoning, as far as is known yet.
    boolean isOpen() {
        return switch (stage) {
            case UNDECIDED -> opened;
            case BEGINS, THINKS -> true;
            case ENDS, ANSWERS -> false;
        };
    }

    void accept(String text) {
        int at = 0;
        while (at < text.length() && stage != Stage.ANSWERS) accept(text.charAt(at++));
        answer.accept(text.substring(at));
    }

    private void accept(char c) {
        switch (stage) {
            case UNDECIDED -> decide(c);
            case BEGINS -> {
                if (Character.isWhitespace(c)) return;
                stage = Stage.THINKS;
                think(c);
            }
            case THINKS -> think(c);
            case ENDS -> {
                if (Character.isWhitespace(c)) return;
                stage = Stage.ANSWERS;
                answer.accept(String.valueOf(c));
            }
            case ANSWERS -> answer.accept(String.valueOf(c));
        }
    }

    private void decide(char c) {
        if (begin.accept(c)) {
            stage = Stage.BEGINS;
            return;
        }
        String first = begin.takeCertain();
        if (first.isEmpty()) return;
        first += begin.finish();
        if (opened) {
            stage = Stage.BEGINS;
            for (int i = 0; i < first.length(); i++) accept(first.charAt(i));
        } else {
            stage = Stage.ANSWERS;
            answer.accept(first);
        }
    }

    private void think(char c) {
        boolean found = end.accept(c);
        reasoning.accept(end.takeCertain());
        if (found) stage = Stage.ENDS;
    }

    void finish() {
        String rest = begin.finish();
        if (opened && stage == Stage.UNDECIDED) reasoning.accept(rest);
        else answer.accept(rest);
        reasoning.accept(end.finish());
    }
}
