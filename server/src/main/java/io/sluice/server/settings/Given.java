package io.sluice.server.settings;

/// A value that somebody gave a setting. A value.
///
/// @param origin where it was given, as the beginning of an error line
record Given(String text, String origin) {}
