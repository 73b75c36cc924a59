package io.sluice.benchmarks.traffic;

import java.time.Duration;
import java.util.Locale;

/// Amounts as people read them; the same text for the same amount everywhere. Any thread.
public final class Amounts {
    private static final String NOTHING = "–";

    private Amounts() {}

    public static String duration(Duration duration) {
        return seconds((double) duration.toNanos());
    }

    /// Milliseconds below a second, seconds above; three digits that mean something.
    public static String seconds(double ns) {
        if (Double.isNaN(ns)) return NOTHING;
        double ms = ns / 1e6;
        return ms < 1000 ? digits(ms) + " ms" : digits(ms / 1000) + " s";
    }

    public static String percent(double part) {
        return Double.isNaN(part) ? NOTHING : String.format(Locale.ROOT, "%.1f %%", part * 100);
    }

    public static String ratio(double ratio) {
        if (Double.isInfinite(ratio)) return "∞";
        return Double.isNaN(ratio) ? NOTHING : String.format(Locale.ROOT, "%.2f", ratio);
    }

    public static String rate(double perSecond) {
        return digits(perSecond);
    }

    /// At least three digits, none after the point that say nothing.
    public static String digits(double value) {
        if (Double.isNaN(value)) return NOTHING;
        double size = Math.abs(value);
        if (size >= 100) return String.format(Locale.ROOT, "%,.0f", value);
        String written = size >= 10
                ? String.format(Locale.ROOT, "%.1f", value)
                : size >= 1 ? String.format(Locale.ROOT, "%.2f", value) : String.format(Locale.ROOT, "%.3f", value);
        return written.replaceFirst("\\.?0+$", "");
    }
}
