package io.sluice.server.generation;

import io.sluice.modelstore.grammar.Structure;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/// What the output of a request has to be. A value.
///
/// @param parameter the field that asked for it, for messages
/// @param parts what it was made of, by the fields: so that a message can name the one that is wrong
public record WantedStructure(Structure structure, String parameter, Map<String, Structure> parts) {
    public WantedStructure {
        parts = Collections.unmodifiableMap(new LinkedHashMap<>(parts)); // in the order in which they stand
    }

    public WantedStructure(Structure structure, String parameter) {
        this(structure, parameter, Map.of());
    }
}
