package io.sluice.server.output;

import java.util.Set;

/// Calls without markers: the whole answer is one, or several with semicolons or commas between them, in brackets or
/// not. Only a call of a tool that was offered is one: other JSON is an answer. Llama 3, and the generic format. One
/// thread.
final class BareCalls implements CallReader {
    private static final String FENCE = "```";

    private enum Stage {
        /// Nothing but what may come before a call.
        BEFORE,
        CALL,
        /// Behind a call: another one, or nothing.
        AFTER,
        TEXT
    }

    private final CallSink sink;
    private final Set<String> tools;
    private final StringBuilder held = new StringBuilder(); // since the last call, or the beginning
    private CallScanner scanner;
    private Stage stage = Stage.BEFORE;

    BareCalls(CallSink sink, Set<String> tools) {
        this.sink = sink;
        this.tools = tools;
        this.scanner = scanner();
    }

    private CallScanner scanner() {
        return new CallScanner(sink, tools::contains);
    }

    @Override
    public void accept(char c) {
        if (stage == Stage.TEXT) {
            sink.text(String.valueOf(c));
            return;
        }
        held.append(c);
        switch (stage) {
            case BEFORE -> before(c);
            case CALL -> call(c);
            case AFTER -> after(c);
            case TEXT -> {}
        }
    }

    private void before(char c) {
        if (c == '{') {
            begin(c);
            return;
        }
        if (Character.isWhitespace(c)) return; // possible as before, however much of it comes
        String seen = held.toString().strip();
        boolean possible = seen.isEmpty()
                || seen.equals("[")
                || ToolFormat.PYTHON_TAG.startsWith(seen)
                || (seen.startsWith(ToolFormat.PYTHON_TAG) && seen.length() == ToolFormat.PYTHON_TAG.length())
                || isFence(seen);
        if (!possible) giveUp();
    }

    /// "```", "```json", and a bracket behind it.
    private static boolean isFence(String seen) {
        String rest = seen.startsWith(FENCE) ? seen.substring(FENCE.length()).strip() : "";
        return FENCE.startsWith(seen) || (seen.startsWith(FENCE) && ("json".startsWith(rest) || isBracket(rest)));
    }

    private static boolean isBracket(String rest) {
        return rest.equals("[")
                || (rest.startsWith("json") && rest.substring(4).strip().equals("["));
    }

    private void begin(char c) {
        stage = Stage.CALL;
        scanner = scanner();
        scanner.accept(c);
    }

    private void call(char c) {
        switch (scanner.accept(c)) {
            case OPEN -> {}
            case DONE -> {
                stage = Stage.AFTER;
                held.setLength(0);
            }
            case BROKEN -> giveUp();
        }
    }

    private void after(char c) {
        if (c == '{') begin(c);
        else if (!Character.isWhitespace(c) && ";,]`".indexOf(c) < 0) giveUp();
    }

    private void giveUp() {
        boolean wasCall = stage == Stage.CALL && scanner.hasBegun();
        stage = Stage.TEXT;
        if (!wasCall) sink.text(held.toString());
        held.setLength(0);
    }

    @Override
    public void finish() {
        boolean isText = stage == Stage.BEFORE || (stage == Stage.CALL && !scanner.hasBegun());
        if (isText) sink.text(held.toString());
    }
}
