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
                CompilationWork.bounded(() -> PushdownBuilder.build(StructureRules.grammar(this))), vocabulary);
    }
}
