package io.sluice.server.output;

/// Calls between markers, as Hermes and Qwen write them; around them there may be text. One thread.
final class MarkedCalls implements CallReader {
    private enum Stage {
        TEXT,
        CALL,
        /// Behind a call, before its closing marker.
        CLOSING
    }

    private final CallSink sink;
    private final MarkerWatch opening = new MarkerWatch(ToolFormat.TOOL_CALL);
    private final StringBuilder held = new StringBuilder(); // of a call that may be none, or of a closing marker
    private CallScanner scanner;
    private Stage stage = Stage.TEXT;
    private boolean anyCall;

    MarkedCalls(CallSink sink) {
        this.sink = sink;
        this.scanner = scanner();
    }

    private CallScanner scanner() {
        return new CallScanner(sink, _ -> true); // between its markers it is a call, whatever it calls
    }

    @Override
    public void accept(char c) {
        switch (stage) {
            case TEXT -> text(c);
            case CALL -> call(c);
            case CLOSING -> closing(c);
        }
    }

    private void text(char c) {
        boolean found = opening.accept(c);
        sink.text(opening.takeCertain());
        if (found) open();
    }

    private void open() {
        stage = Stage.CALL;
        scanner = scanner();
        held.setLength(0);
        held.append(ToolFormat.TOOL_CALL);
    }

    private void call(char c) {
        held.append(c);
        switch (scanner.accept(c)) {
            case OPEN -> {}
            case DONE -> {
                anyCall = true;
                close();
            }
            case BROKEN -> giveUp();
        }
    }

    private void close() {
        stage = Stage.CLOSING;
        held.setLength(0);
    }

    private void giveUp() {
        if (scanner.hasBegun()) {
            close();
            return;
        }
        stage = Stage.TEXT;
        sink.text(held.toString());
        held.setLength(0);
    }

    /// The closing marker is dropped; models forget it, and what comes instead is dealt with as it is.
    private void closing(char c) {
        if (held.isEmpty() && Character.isWhitespace(c)) return;
        held.append(c);
        String seen = held.toString();
        if (seen.equals(ToolFormat.TOOL_CALL_END)) {
            stage = Stage.TEXT;
        } else if (!ToolFormat.TOOL_CALL_END.startsWith(seen)) {
            stage = Stage.TEXT;
            for (int i = 0; i < seen.length(); i++) accept(seen.charAt(i));
        }
    }

    @Override
    public void finish() {
        String rest = opening.finish();
        if (!anyCall || !rest.isBlank()) sink.text(rest);
        boolean isText = (stage == Stage.CALL && !scanner.hasBegun()) || stage == Stage.CLOSING;
        if (isText) sink.text(held.toString());
    }
}
