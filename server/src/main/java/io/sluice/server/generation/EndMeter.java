package io.sluice.server.generation;

/// A meter that wants to know of a request's end alone. Called as `RequestMeter` says.
@FunctionalInterface
public interface EndMeter extends RequestMeter {
    @Override
    default void admitted(Admitted admitted) {}

    @Override
    default void refused(String reason) {}

    @Override
    default void firstToken(long waitNs) {}

    @Override
    default void furtherTokens(int count, long gapNs) {}

    @Override
    default void finished(Finish finish) {}

    @Override
    default void completed(long durationNs) {}
}
