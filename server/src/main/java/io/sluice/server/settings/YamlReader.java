package io.sluice.server.settings;

import java.io.IOException;
import java.io.Reader;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.error.MarkedYAMLException;
import org.yaml.snakeyaml.error.YAMLException;
import org.yaml.snakeyaml.events.AliasEvent;
import org.yaml.snakeyaml.events.CollectionStartEvent;
import org.yaml.snakeyaml.events.Event;
import org.yaml.snakeyaml.events.MappingStartEvent;
import org.yaml.snakeyaml.events.NodeEvent;
import org.yaml.snakeyaml.events.ScalarEvent;
import org.yaml.snakeyaml.events.SequenceStartEvent;

/// Walks through a YAML text once, value by value, and never holds more of it than that: a file may have a million
/// entries. Nothing in it is ever turned into an object of its own choosing; anchors, aliases and tags are refused. One
/// thread.
public final class YamlReader implements AutoCloseable {

    /// A million tenants with every field named take half of it.
    static final int LENGTH_MAX = 1 << 28;

    private final String origin;
    private final Reader reader;
    private final Iterator<Event> events;
    private @Nullable Event next;
    private int line; // of what was taken last, from 1

    /// @param origin what the text is called in errors
    YamlReader(String origin, Reader reader) {
        this.origin = origin;
        this.reader = reader;
        LoaderOptions options = new LoaderOptions();
        options.setCodePointLimit(LENGTH_MAX);
        this.events = new Yaml(options).parse(reader).iterator();
    }

    /// Reads the whole text: a mapping, or nothing.
    ///
    /// @param field is given each name of it, and must take the value that follows
    public void document(Consumer<String> field) {
        take(); // the stream's start
        if (!peek().is(Event.ID.DocumentStart)) return;
        take();
        mapping("lines of `name: value`", field);
        take(); // the document's end
        if (!peek().is(Event.ID.StreamEnd)) throw wrongNext("not valid YAML: only one document may be in it");
    }

    /// Takes a mapping; one that has no entries may be left out.
    ///
    /// @param expected what should stand here, for the error if it does not
    public void mapping(String expected, Consumer<String> field) {
        if (peek() instanceof ScalarEvent scalar
                && scalar.isPlain()
                && scalar.getValue().isEmpty()) {
            take();
            return;
        }
        if (!(peek() instanceof MappingStartEvent)) throw wrongNext("must be " + expected);
        take();
        while (!peek().is(Event.ID.MappingEnd)) field.accept(scalar("a name"));
        take();
    }

    /// Takes a plain value.
    public String scalar(String what) {
        if (!(peek() instanceof ScalarEvent scalar)) throw wrongNext(what + " must be a plain value");
        take();
        return scalar.getValue();
    }

    /// Takes a plain value or a list of such.
    public List<String> scalars(String what) {
        if (!(peek() instanceof SequenceStartEvent)) return List.of(scalar(what));
        take();
        List<String> values = new ArrayList<>();
        while (!peek().is(Event.ID.SequenceEnd)) values.add(scalar(what));
        take();
        return values;
    }

    /// Takes a value of any shape and forgets it.
    public void skip() {
        int depth = 0;
        do {
            Event event = take();
            if (event instanceof CollectionStartEvent) depth++;
            else if (event.is(Event.ID.MappingEnd) || event.is(Event.ID.SequenceEnd)) depth--;
        } while (depth > 0);
    }

    /// The line of what was taken last.
    public int line() {
        return line;
    }

    /// `file:line`, the beginning of an error line about what was taken last.
    public String place() {
        return place(line);
    }

    public String place(int atLine) {
        return origin + ":" + atLine;
    }

    /// What was taken last is wrong.
    public SettingsException wrong(String problem) {
        return new SettingsException(place() + ": " + problem);
    }

    private SettingsException wrongNext(String problem) {
        return new SettingsException(place(lineOf(peek())) + ": " + problem);
    }

    private Event take() {
        Event event = peek();
        next = null;
        line = lineOf(event);
        return event;
    }

    private Event peek() {
        Event event = next;
        if (event == null) {
            event = guarded(events::next);
            checkPlain(event);
            next = event;
        }
        return event;
    }

    private void checkPlain(Event event) {
        String tag = event instanceof ScalarEvent scalar
                ? scalar.getTag()
                : event instanceof CollectionStartEvent collection ? collection.getTag() : null;
        if (tag != null) {
            throw new SettingsException(place(lineOf(event)) + ": not valid YAML: Global tag is not allowed: " + tag);
        }
        if (event instanceof AliasEvent || (event instanceof NodeEvent node && node.getAnchor() != null)) {
            throw new SettingsException(place(lineOf(event)) + ": anchors and aliases are not supported");
        }
    }

    private <T> T guarded(Supplier<T> read) {
        try {
            return read.get();
        } catch (MarkedYAMLException e) {
            var mark = e.getProblemMark();
            String place = mark == null ? origin : place(mark.getLine() + 1);
            throw new SettingsException(place + ": not valid YAML: " + e.getProblem());
        } catch (YAMLException e) { // what the reader threw, letters that no text holds, or too many of them
            throw new SettingsException(origin + ": cannot be read as text: " + e.getMessage());
        }
    }

    private static int lineOf(Event event) {
        return event.getStartMark().getLine() + 1;
    }

    @Override
    public void close() {
        try {
            reader.close();
        } catch (IOException e) {
            // It was read; nothing depends on its being closed in time.
        }
    }
}
