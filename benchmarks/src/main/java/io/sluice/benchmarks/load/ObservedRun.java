package io.sluice.benchmarks.load;

import io.sluice.benchmarks.traffic.Observed;
import io.sluice.benchmarks.traffic.Promise;
import io.sluice.benchmarks.traffic.Trace;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/// Sends a trace to a server and keeps what became of each request. Main thread.
public final class ObservedRun {
    private ObservedRun() {}

    /// Outputs are exactly as long as the trace says.
    ///
    /// @throws IOException if a request was not answered: what is left could not be compared with anything
    public static List<Observed> of(String url, Trace trace, long seed) throws IOException {
        Target target = Target.of(url);
        var keyring = new Keyring(
                List.of(new Key(
                        "everybody", "", "standard", Promise.of("standard").slo())),
                0);
        List<Result> results = new ArrayList<>(); // guarded by the statistics, which tell one at a time
        try (var pool = new ConnectionPool(target, Duration.ofMinutes(5))) {
            String model = ModelNames.first(pool, target, keyring.first());
            SelfWarmUp.run(Endpoint.CHAT);
            var stats = new LoadStats(Duration.ZERO, results::add);
            var writer = new RequestWriter(target, Endpoint.CHAT, model, true);
            var client = new LoadClient(pool, writer, Patience.NONE, stats.tokensSeen());
            new LoadRun(client, Asks.replayed(seed, keyring, trace), stats, Duration.ofDays(1)).runOpen();
            LoadStats.Snapshot measured = stats.snapshot();
            if (measured.all().answered() < trace.rows().size()) {
                throw new IOException("of " + trace.rows().size() + " requests "
                        + measured.all().answered()
                        + " were answered; refused: " + measured.all().refusals() + ", failed: "
                        + measured.all().failures());
            }
        }
        long startNs = results.stream().mapToLong(Result::intendedNs).min().orElse(0);
        return results.stream().map(result -> observed(result, startNs)).toList();
    }

    private static Observed observed(Result result, long startNs) {
        if (!(result.last() instanceof Attempt.Answered answered)) throw new IllegalStateException("not answered");
        return new Observed(
                result.intendedNs() - startNs,
                answered.promptTokens(),
                answered.outputTokens(),
                answered.firstNs() - result.intendedNs(),
                answered.lastNs() - result.intendedNs());
    }
}
