package io.sluice.server.output;

/// Calls behind `[TOOL_CALLS]`: an array of objects, or a name and its arguments, which newer models write. Before them
/// there may be text. One thread.
final class MistralCalls implements CallReader {
    private enum Stage {
        TEXT,
        /// Behind the marker.
        OPENED,
        /// In the array, between two calls.
        BETWEEN,
        CALL,
        NAME,
        ARGUMENTS
    }

    private final CallSink sink;
    private final MarkerWatch marker = new MarkerWatch(ToolFormat.TOOL_CALLS);
    private final StringBuilder held = new StringBuilder(); // since the marker, as long as it may be text
    private CallScanner scanner;
    private JsonExtent extent = new JsonExtent();
    private Stage stage = Stage.TEXT;
    private boolean inArray;
    private boolean anyCall;

    MistralCalls(CallSink sink) {
        this.sink = sink;
        this.scanner = scanner();
    }

    private CallScanner scanner() {
        return new CallScanner(sink, _ -> true);
    }

    @Override
    public void accept(char c) {
        switch (stage) {
            case TEXT -> text(c);
            case OPENED -> opened(c);
            case BETWEEN -> between(c);
            case CALL -> call(c);
            case NAME -> name(c);
            case ARGUMENTS -> arguments(c);
        }
    }

    private void text(char c) {
        boolean found = marker.accept(c);
        sink.text(marker.takeCertain());
        if (!found) return;
        stage = Stage.OPENED;
        anyCall = true;
        inArray = false;
        held.setLength(0);
    }

    private void opened(char c) {
        if (Character.isWhitespace(c)) return;
        if (c == '[') {
            inArray = true;
            held.append(c);
            stage = Stage.BETWEEN;
        } else if (c == '{') {
            begin(c);
        } else {
            stage = Stage.NAME;
            held.append(c);
        }
    }

    private void between(char c) {
        if (c == '{') {
            begin(c);
        } else if (c == ']') {
            stage = Stage.TEXT;
        } else if (c != ',' && !Character.isWhitespace(c)) {
            giveUp(c);
        }
    }

    private void begin(char c) {
        scanner = scanner();
        stage = Stage.CALL;
        call(c);
    }

    private void call(char c) {
        held.append(c);
        switch (scanner.accept(c)) {
            case OPEN -> {}
            case DONE -> {
                held.setLength(0);
                stage = inArray ? Stage.BETWEEN : Stage.TEXT;
            }
            case BROKEN -> {
                stage = Stage.TEXT;
                if (!scanner.hasBegun()) sink.text(ToolFormat.TOOL_CALLS + held);
                held.setLength(0);
            }
        }
    }

    private void giveUp(char c) {
        stage = Stage.TEXT;
        if (!held.isEmpty()) sink.text(ToolFormat.TOOL_CALLS + held);
        held.setLength(0);
        accept(c);
    }

    /// `name[CALL_ID]id[ARGS]{...}`, the markers being optional.
    private void name(char c) {
        if (c != '{') {
            held.append(c);
            return;
        }
        String name = held.toString();
        int end = name.indexOf('[');
        sink.begin((end < 0 ? name : name.substring(0, end)).strip());
        held.setLength(0);
        extent = new JsonExtent();
        stage = Stage.ARGUMENTS;
        arguments(c);
    }

    private void arguments(char c) {
        extent.accept(c);
        sink.arguments(String.valueOf(c));
        if (!extent.ended()) return;
        sink.end();
        stage = Stage.TEXT;
    }

    @Override
    public void finish() {
        String rest = marker.finish();
        if (!anyCall || !rest.isBlank()) sink.text(rest);
        boolean isText = switch (stage) {
            case OPENED, NAME -> true;
            case CALL -> !scanner.hasBegun();
            case TEXT, BETWEEN, ARGUMENTS -> false;
        };
        if (isText) sink.text(ToolFormat.TOOL_CALLS + held);
    }
}
