package io.sluice.server.output;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/// Takes one answer apart while it grows: reasoning, text, calls of tools. The outcome depends on the text
/// alone, not on how it was cut into pieces, so whoever reads it again finds the same. One thread.
public final class OutputParser {

    /// What Mistral's templates insist on.
    private static final int MISTRAL_ID = 9;

    private static final int ID = 24;

    private final OutputRules rules;
    private final String name;
    private final @Nullable Thinking thinking; // null if there is no reasoning
    private final @Nullable CallReader calls; // null if there is nothing to call
    private final List<Piece> pieces = new ArrayList<>(); // not taken yet
    private int callCount;
    private int callsEnded;

    /// @param name of the answer, from which its calls get their ids
    /// @param opensThinking the prompt has begun the reasoning
    public OutputParser(OutputRules rules, String name, boolean opensThinking) {
        this.rules = rules;
        this.name = name;
        this.calls = reader();
        this.thinking = rules.thinks()
                ? new Thinking(opensThinking, text -> add(new Piece.Reasoning(text)), this::answer)
                : null;
    }

    private @Nullable CallReader reader() {
        CallSink sink = new Sink();
        return switch (rules.tools()) {
            case HERMES -> new MarkedCalls(sink);
            case LLAMA3, JSON -> new BareCalls(sink, rules.names());
            case MISTRAL -> new MistralCalls(sink);
            case NONE -> null;
        };
    }

    /// Takes more text.
    public void accept(String text) {
        if (thinking != null) thinking.accept(text);
        else answer(text);
    }

    private void answer(String text) {
        if (calls == null) {
            add(new Piece.Text(text));
            return;
        }
        for (int i = 0; i < text.length() && !isSatisfied(); i++) calls.accept(text.charAt(i));
    }

    /// The text has ended as texts do.
    public void finish() {
        if (thinking != null) thinking.finish();
        if (calls != null && !isSatisfied()) calls.finish();
    }

    /// What was found since it was last asked.
    public List<Piece> take() {
        List<Piece> taken = List.copyOf(pieces);
        pieces.clear();
        return taken;
    }

    /// True while what comes is reasoning, as far as is known yet.
    public boolean isThinking() {
        return thinking != null && thinking.isOpen();
    }

    /// True if the model has called a tool.
    public boolean hasCalls() {
        return callCount > 0;
    }

    /// True if nothing more is wanted: the one call that is allowed is complete.
    public boolean isSatisfied() {
        return !rules.severalCalls() && callsEnded > 0;
    }

    /// Pieces of the same kind that follow each other are one.
    private void add(Piece piece) {
        Piece last = pieces.isEmpty() ? null : pieces.getLast();
        Piece joined = switch (piece) {
            case Piece.Text(String text) when text.isEmpty() -> last;
            case Piece.Reasoning(String text) when text.isEmpty() -> last;
            case Piece.Text(String text)
            when last instanceof Piece.Text(String before) -> new Piece.Text(before + text);
            case Piece.Reasoning(String text)
            when last instanceof Piece.Reasoning(String before) -> new Piece.Reasoning(before + text);
            case Piece.Arguments(int index, String json)
            when last instanceof Piece.Arguments(int _, String before) -> new Piece.Arguments(index, before + json);
            default -> null;
        };
        if (joined == null && isEmpty(piece)) return;
        if (joined == null) pieces.add(piece);
        else pieces.set(pieces.size() - 1, joined);
    }

    private static boolean isEmpty(Piece piece) {
        return switch (piece) {
            case Piece.Text(String text) -> text.isEmpty();
            case Piece.Reasoning(String text) -> text.isEmpty();
            case Piece.Call _, Piece.Arguments _ -> false;
        };
    }

    private String callId(int index) {
        byte[] seed = (name + "/" + index).getBytes(StandardCharsets.UTF_8);
        String digits = UUID.nameUUIDFromBytes(seed).toString().replace("-", "");
        return rules.tools() == ToolFormat.MISTRAL
                ? digits.substring(0, MISTRAL_ID)
                : "call_" + digits.substring(0, ID);
    }

    private final class Sink implements CallSink {
        @Override
        public void text(String text) {
            add(new Piece.Text(text));
        }

        @Override
        public void begin(String tool) {
            int index = callCount++;
            add(new Piece.Call(index, callId(index), tool));
        }

        @Override
        public void arguments(String json) {
            add(new Piece.Arguments(callCount - 1, json));
        }

        @Override
        public void end() {
            callsEnded++;
        }
    }
}
