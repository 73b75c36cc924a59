package io.sluice.modelstore.grammar;

import java.util.List;

/// What a whole output has to be. A value; any thread.
public sealed interface Structure {

    /// Any JSON object.
    record JsonObject() implements Structure {}

    /// A JSON document that a schema allows.
    ///
    /// @param schema the schema, as JSON
    record JsonSchema(String schema) implements Structure {}

    /// A text that a regular expression matches from its beginning to its end.
    record Matching(String regex) implements Structure {}

    /// One of these texts.
    record OneOf(List<String> texts) implements Structure {
        public OneOf {
            texts = List.copyOf(texts);
        }
    }

    /// What a grammar in llama.cpp's notation allows.
    record Written(String grammar) implements Structure {}

    /// One structure after the other: for outputs that have a frame, such as the calls of tools.
    record Joined(List<Structure> parts) implements Structure {
        public Joined {
            parts = List.copyOf(parts);
        }
    }

    /// The special token of this name, or the text where the vocabulary has no such token.
    record Marker(String text) implements Structure {}

    /// Any text up to the first of some markers, and that one, which has to be `found`.
    record Until(List<Marker> markers, Marker found) implements Structure {
        public Until {
            markers = List.copyOf(markers);
        }

        public Until(Marker marker) {
            this(List.of(marker), marker);
        }
    }

    /// Any text without one of these markers, the empty one too.
    record Without(List<Marker> markers) implements Structure {
        public Without {
            markers = List.copyOf(markers);
        }

        public Without(Marker marker) {
            this(List.of(marker));
        }
    }

    /// As often as one likes, or not at all.
    record Repeated(Structure part) implements Structure {}

    /// Any of these structures.
    record Either(List<Structure> options) implements Structure {
        public Either {
            options = List.copyOf(options);
        }
    }

    /// Characters that it is written in.
    default long length() {
        return switch (this) {
            case JsonObject _ -> 0;
            case JsonSchema(String schema) -> schema.length();
            case Matching(String regex) -> regex.length();
            case OneOf(var texts) -> texts.stream().mapToLong(String::length).sum();
            case Written(String grammar) -> grammar.length();
            case Marker(String text) -> text.length();
            case Until(var markers, Marker _) ->
                markers.stream().mapToLong(Structure::length).sum();
            case Without(var markers) ->
                markers.stream().mapToLong(Structure::length).sum();
            case Repeated(Structure part) -> part.length();
            case Joined(var parts) ->
                parts.stream().mapToLong(Structure::length).sum();
            case Either(var options) ->
                options.stream().mapToLong(Structure::length).sum();
        };
    }

    /// Makes it ready for a vocabulary: costs milliseconds to a second, so do it once (`GrammarCache`).
    ///
    /// @throws GrammarException if it is wrong, unsupported or too large; the message says what to change
    default CompiledGrammar compile(TokenVocabulary vocabulary) {
        return CompiledGrammar.compile(
                CompilationWork.bounded(() -> PushdownBuilder.build(StructureRules.grammar(this, vocabulary))),
                vocabulary);
    }
}
