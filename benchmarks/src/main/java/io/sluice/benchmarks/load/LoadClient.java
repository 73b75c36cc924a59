package io.sluice.benchmarks.load;

import io.sluice.benchmarks.traffic.GapLog;
import io.sluice.benchmarks.traffic.Timing;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.atomic.LongAdder;

/// Sends one request, again if it is refused and patient, and says what became of it. Any thread; it waits.
final class LoadClient {
    private final ConnectionPool pool;
    private final RequestWriter writer;
    private final Patience patience;
    private final LongAdder tokensSeen;

    LoadClient(ConnectionPool pool, RequestWriter writer, Patience patience, LongAdder tokensSeen) {
        this.pool = pool;
        this.writer = writer;
        this.patience = patience;
        this.tokensSeen = tokensSeen;
    }

    /// @param intendedNs the moment at which it was meant to be sent; all times count from there
    Result ask(Ask ask, long intendedNs) throws InterruptedException {
        byte[] body = writer.body(ask);
        long lagNs = System.nanoTime() - intendedNs;
        for (int attempts = 1; ; attempts++) {
            var gaps = new GapLog();
            Attempt attempt = new Exchange(pool, writer, gaps, tokensSeen).run(ask, body, attempts - 1);
            Optional<Duration> wait = comeBack(attempt, intendedNs);
            if (wait.isEmpty()) {
                return new Result(ask, intendedNs, lagNs, attempts, attempt, timing(attempt, intendedNs, gaps), gaps);
            }
            Thread.sleep(wait.get());
        }
    }

    private Optional<Duration> comeBack(Attempt attempt, long intendedNs) {
        if (!patience.obeys() || !(attempt instanceof Attempt.Refused refused)) return Optional.empty();
        long waitedNs = System.nanoTime() - intendedNs;
        return refused.retryAfter()
                .filter(wait -> waitedNs + wait.toNanos() <= patience.most().toNanos());
    }

    private static Optional<Timing> timing(Attempt attempt, long intendedNs, GapLog gaps) {
        if (!(attempt instanceof Attempt.Answered answered)) return Optional.empty();
        return Optional.of(new Timing(
                answered.firstNs() - intendedNs,
                answered.lastNs() - intendedNs,
                answered.outputTokens(),
                gaps.p99Ns()));
    }
}
