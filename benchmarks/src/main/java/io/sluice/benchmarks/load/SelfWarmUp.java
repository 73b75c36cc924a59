package io.sluice.benchmarks.load;

import java.io.IOException;
import java.time.Duration;
import java.util.List;

/// Lets the generator's own code be compiled before anything is measured: a cold virtual machine is late. One thread.
final class SelfWarmUp {
    private static final int REQUESTS = 400;
    private static final int CONCURRENCY = 8;
    private static final Lengths TOKENS = new Lengths(64, 64);
    private static final Duration SILENCE_MAX = Duration.ofSeconds(30);

    private SelfWarmUp() {}

    /// Asks a server of this process that computes nothing.
    static void run(Endpoint endpoint) throws IOException {
        try (var sink = new SinkServer(0, Duration.ZERO)) {
            Target target = Target.of("127.0.0.1:" + sink.port());
            var stats = new LoadStats(Duration.ZERO);
            var keys = new Keyring(List.of(Keyring.everybody(Keyring.promises())), 1);
            try (var pool = new ConnectionPool(target, SILENCE_MAX)) {
                var writer = new RequestWriter(target, endpoint, "sink", false);
                var client = new LoadClient(pool, writer, Patience.NONE, stats.tokensSeen());
                Asks asks = Asks.closed(1, keys, TOKENS, TOKENS, REQUESTS);
                new LoadRun(client, asks, stats, Duration.ofMinutes(1)).runClosed(CONCURRENCY);
            }
        }
    }
}
