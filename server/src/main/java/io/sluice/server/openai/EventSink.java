package io.sluice.server.openai;

import io.sluice.server.http.JsonOut;
import java.io.IOException;

/// Where a format writes the events of a stream. Request thread only.
public interface EventSink {

    /// Empty, for the next event.
    JsonOut json();

    /// Sends what was written as an event without a name.
    void send() throws IOException;

    /// Sends it as an event of this name.
    void send(String name) throws IOException;
}
