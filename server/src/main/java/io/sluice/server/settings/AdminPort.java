package io.sluice.server.settings;

/// Where the admin routes listen. A value.
public sealed interface AdminPort {

    /// Nowhere.
    record Off() implements AdminPort {}

    /// On the port after the main one; on any free one if the main one is any free one.
    record Auto() implements AdminPort {}

    record Fixed(int port) implements AdminPort {}
}
