package io.sluice.benchmarks.load;

import io.sluice.benchmarks.traffic.Amounts;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.Locale;

/// Tells somebody who watches how a run goes: once a second in a terminal, in place; every ten seconds
/// elsewhere, line by line. A thread of its own until it is closed.
final class ProgressLine implements AutoCloseable {
    private final LoadStats stats;
    private final PrintWriter out;
    private final boolean inPlace;
    private final Thread thread;
    private volatile boolean ending;

    ProgressLine(LoadStats stats, PrintWriter out, boolean inPlace) {
        this.stats = stats;
        this.out = out;
        this.inPlace = inPlace;
        thread = Thread.ofVirtual().unstarted(this::show);
    }

    ProgressLine start() {
        thread.start();
        return this;
    }

    private void show() {
        long startNs = System.nanoTime();
        long tokensBefore = 0;
        long beforeNs = startNs;
        Duration pause = Duration.ofSeconds(inPlace ? 1 : 10);
        while (!ending) {
            try {
                Thread.sleep(pause);
            } catch (InterruptedException e) {
                break;
            }
            long nowNs = System.nanoTime();
            long tokens = stats.tokensSeen().sum();
            String line = line(nowNs - startNs, (tokens - tokensBefore) * 1e9 / (nowNs - beforeNs));
            out.print(inPlace ? "\r\033[K" + line : line + "\n");
            out.flush();
            tokensBefore = tokens;
            beforeNs = nowNs;
        }
        if (inPlace) out.print("\r\033[K");
        out.flush();
    }

    private String line(long elapsedNs, double tokensPerSecond) {
        LoadStats.Progress now = stats.progress();
        return String.format(
                Locale.ROOT,
                "%4.0f s  %d sent, %d under way, %d refused, %d failed  %s tokens/s  TTFT p50 %s p99 %s  gap p99 %s",
                elapsedNs / 1e9,
                now.started(),
                now.started() - now.finished(),
                now.refused(),
                now.failed(),
                Amounts.digits(tokensPerSecond),
                LoadText.at(now.firstToken(), 50),
                LoadText.at(now.firstToken(), 99),
                LoadText.at(now.gap(), 99));
    }

    @Override
    public void close() {
        ending = true;
        thread.interrupt();
        try {
            thread.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
