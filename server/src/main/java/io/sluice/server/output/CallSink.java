package io.sluice.server.output;

/// Where what is found in an answer goes. One thread.
interface CallSink {
    /// Text that belongs to no call.
    void text(String text);

    /// A call begins.
    void begin(String name);

    /// More of the arguments of the call that began last.
    void arguments(String json);

    /// The call that began last is complete.
    void end();
}
