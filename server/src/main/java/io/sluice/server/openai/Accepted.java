package io.sluice.server.openai;

import io.sluice.server.generation.TextRequest;

/// A request that was understood, and how its answer is spelled. A value; the format belongs to one answer.
///
/// @param promptField what the client calls the prompt
record Accepted(CommonFields common, TextRequest text, AnswerFormat format, String promptField) {}
