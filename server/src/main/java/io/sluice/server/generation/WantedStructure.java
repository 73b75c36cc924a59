package io.sluice.server.generation;

import io.sluice.modelstore.grammar.Structure;

/// What the output of a request has to be. A value.
///
/// @param parameter the field that asked for it, for messages
public record WantedStructure(Structure structure, String parameter) {}
