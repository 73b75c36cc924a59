package io.sluice.server.hub;

import java.io.PrintWriter;
import java.util.Locale;
import java.util.function.LongSupplier;

/// Shows a pull in a terminal as a bar, elsewhere as a line for each file and each tenth. Any thread.
final class TerminalProgress implements PullProgress {
    private static final int WIDTH = 30;
    private static final long REDRAW_NS = 100_000_000;
    private static final double MIB = 1 << 20;

    private final PrintWriter out;
    private final boolean terminal;
    private final LongSupplier clockNs;
    private long total;
    private long received;
    private long fetched; // by this run, which is what a rate is made of
    private long startNs;
    private long drawnNs;
    private long tenths;

    TerminalProgress(PrintWriter out, boolean terminal, LongSupplier clockNs) {
        this.out = out;
        this.terminal = terminal;
        this.clockNs = clockNs;
    }

    @Override
    public synchronized void begins(int fileCount, long bytes) {
        total = bytes;
        startNs = clockNs.getAsLong();
        line(String.format(Locale.ROOT, "Fetching %,d files, %,.1f MiB", fileCount, bytes / MIB));
    }

    @Override
    public synchronized void advances(long bytes) {
        received += bytes;
        fetched += bytes;
        if (terminal) {
            if (clockNs.getAsLong() - drawnNs >= REDRAW_NS) draw();
        } else if (total > 0 && received * 10 / total > tenths) {
            tenths = received * 10 / total;
            line(tenths * 10 + " %");
        }
    }

    private void draw() {
        drawnNs = clockNs.getAsLong();
        double share = total == 0 ? 1 : Math.clamp((double) received / total, 0.0, 1.0);
        int filled = (int) (share * WIDTH);
        double seconds = Math.max((drawnNs - startNs) / 1e9, 1e-3);
        double rate = Math.max(fetched / seconds, 0);
        long left = rate < 1 ? 0 : (long) ((total - received) / rate);
        out.print(String.format(
                Locale.ROOT,
                "\r[%s%s] %3.0f %%  %,.1f of %,.1f MiB  %,.1f MiB/s  %d:%02d left \033[K",
                "=".repeat(filled),
                " ".repeat(WIDTH - filled),
                share * 100,
                received / MIB,
                total / MIB,
                rate / MIB,
                left / 60,
                left % 60));
        out.flush();
    }

    @Override
    public synchronized void retries(String why) {
        line("again: " + why);
    }

    @Override
    public synchronized void completes(HubFile file) {
        line(String.format(Locale.ROOT, "  %s  %,.1f MiB", file.path(), file.size() / MIB));
    }

    @Override
    public synchronized void ends() {
        if (terminal) out.print("\r\033[K");
        out.flush();
    }

    private void line(String text) {
        out.print(terminal ? "\r\033[K" : "");
        out.println(text.replaceAll("\\p{Cntrl}", " "));
        out.flush();
    }
}
