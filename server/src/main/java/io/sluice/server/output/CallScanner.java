package io.sluice.server.output;

import java.util.Set;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/// Reads one call, `{"name": ..., "arguments": {...}}`, while it is written, and passes its arguments on as they come,
/// once its name is known. Takes the keys in any order, `parameters` for `arguments`, and both inside of `function`.
/// One thread.
final class CallScanner {
    enum Outcome {
        /// It goes on.
        OPEN,
        /// It is complete with the letter that was taken last.
        DONE,
        /// It is no call after all.
        BROKEN
    }

    private enum Stage {
        OBJECT,
        KEY_OR_END,
        KEY,
        COLON,
        VALUE,
        NAME,
        ARGUMENTS,
        ARGUMENTS_AS_TEXT,
        OTHER
    }

    private static final String FUNCTION = "function";
    private static final Set<String> NAME_KEYS = Set.of("name");
    private static final Set<String> ARGUMENT_KEYS = Set.of("arguments", "parameters");
    private static final Set<String> OTHER_KEYS = Set.of("type", "id");

    private final CallSink sink;
    private final Predicate<String> isTool;
    private final StringBuilder early = new StringBuilder(); // arguments that came before the name
    private Stage stage = Stage.OBJECT;
    private JsonLetters letters = new JsonLetters();
    private JsonExtent extent = new JsonExtent();
    private String key = "";
    private boolean inFunction;
    private @Nullable String name;
    private boolean anyArguments;

    /// @param isTool what may be called; anything else is no call
    CallScanner(CallSink sink, Predicate<String> isTool) {
        this.sink = sink;
        this.isTool = isTool;
    }

    /// True once the call was passed on: it cannot turn out to be none any more.
    boolean hasBegun() {
        return name != null;
    }

    Outcome accept(char c) {
        return switch (stage) {
            case KEY -> key(c);
            case NAME -> name(c);
            case ARGUMENTS -> arguments(c);
            case ARGUMENTS_AS_TEXT -> argumentsAsText(c);
            case OTHER -> extent.accept(c) ? Outcome.OPEN : endOfValue(c);
            case OBJECT, KEY_OR_END, COLON, VALUE -> Character.isWhitespace(c) ? Outcome.OPEN : between(c);
        };
    }

    private Outcome between(char c) {
        return switch (stage) {
            case OBJECT -> expect(c == '{', Stage.KEY_OR_END);
            case KEY_OR_END -> keyOrEnd(c);
            case COLON -> expect(c == ':', Stage.VALUE);
            default -> value(c);
        };
    }

    private Outcome expect(boolean met, Stage next) {
        stage = next;
        return met ? Outcome.OPEN : Outcome.BROKEN;
    }

    private Outcome keyOrEnd(char c) {
        if (c == ',') return Outcome.OPEN;
        if (c == '}') return endOfObject();
        letters = new JsonLetters();
        return expect(c == '"', Stage.KEY);
    }

    private Outcome endOfObject() {
        if (inFunction) {
            inFunction = false;
            return Outcome.OPEN;
        }
        if (name == null) return Outcome.BROKEN;
        if (!anyArguments) sink.arguments("{}");
        sink.end();
        return Outcome.DONE;
    }

    private Outcome key(char c) {
        if (!letters.accept(c)) return Outcome.OPEN;
        key = letters.take();
        boolean known = NAME_KEYS.contains(key)
                || ARGUMENT_KEYS.contains(key)
                || OTHER_KEYS.contains(key)
                || key.equals(FUNCTION);
        // Behind a name that was passed on, whatever else there is does no harm.
        return expect(known || hasBegun(), Stage.COLON);
    }

    private Outcome value(char c) {
        letters = new JsonLetters();
        extent = new JsonExtent();
        if (key.equals(FUNCTION) && c == '{') {
            inFunction = true;
            return expect(true, Stage.KEY_OR_END);
        }
        if (NAME_KEYS.contains(key) || key.equals(FUNCTION)) return expect(c == '"', Stage.NAME);
        if (ARGUMENT_KEYS.contains(key) && !anyArguments) {
            anyArguments = true;
            if (c == '"') return expect(true, Stage.ARGUMENTS_AS_TEXT);
            stage = Stage.ARGUMENTS;
            return arguments(c);
        }
        stage = Stage.OTHER;
        extent.accept(c);
        return Outcome.OPEN;
    }

    private Outcome name(char c) {
        if (!letters.accept(c)) return Outcome.OPEN;
        stage = Stage.KEY_OR_END;
        String read = letters.take();
        if (name != null) return Outcome.OPEN;
        if (!isTool.test(read)) return Outcome.BROKEN;
        name = read;
        sink.begin(read);
        if (!early.isEmpty()) sink.arguments(early.toString());
        return Outcome.OPEN;
    }

    private Outcome arguments(char c) {
        if (!extent.accept(c)) return endOfValue(c);
        pass(String.valueOf(c));
        return extent.ended() ? expect(true, Stage.KEY_OR_END) : Outcome.OPEN;
    }

    /// Some models write the arguments as a text that holds JSON.
    private Outcome argumentsAsText(char c) {
        if (letters.accept(c)) stage = Stage.KEY_OR_END;
        pass(letters.take());
        return Outcome.OPEN;
    }

    private void pass(String json) {
        if (hasBegun()) sink.arguments(json);
        else early.append(json);
    }

    private Outcome endOfValue(char c) {
        stage = Stage.KEY_OR_END;
        return accept(c);
    }
}
