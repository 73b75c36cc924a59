package io.sluice.server;

import java.util.Locale;

/// Numbers for people. Any thread.
final class Amounts {
    private static final String[] UNITS = {"bytes", "KiB", "MiB", "GiB", "TiB"};

    private Amounts() {}

    static String bytes(long bytes) {
        double amount = bytes;
        int unit = 0;
        while (amount >= 1024 && unit < UNITS.length - 1) {
            amount /= 1024;
            unit++;
        }
        String form = unit == 0 || amount >= 100 || amount == Math.rint(amount) ? "%.0f %s" : "%.1f %s";
        return String.format(Locale.ROOT, form, amount, UNITS[unit]);
    }

    static String count(long count) {
        return String.format(Locale.ROOT, "%,d", count);
    }
}
