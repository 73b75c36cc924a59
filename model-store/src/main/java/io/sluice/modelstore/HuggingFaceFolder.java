package io.sluice.modelstore;

/// To be written.
abstract non-sealed class HuggingFaceFolder implements ModelFiles {}
