package io.sluice.server.openai;

import io.sluice.server.generation.Expense;
import io.sluice.server.generation.Usage;
import io.sluice.server.http.JsonOut;
import java.math.BigDecimal;
import java.math.RoundingMode;

/// What an answer's usage says beyond the APIs' own fields, where there is a price table: what the request took of the
/// device and what it costs. Any thread.
public final class UsageExtension {
    private static final int PLACES = 9; // a token of the cheapest model costs some nanos

    private UsageExtension() {}

    /// Writes a field, after others; nothing without a price table.
    public static void write(JsonOut out, Usage usage) {
        Expense expense = usage.expense();
        if (!expense.isPriced()) return;
        out.raw(",\"sluice\":{\"device_seconds\":")
                .raw(plain(expense.deviceNs() / 1e9))
                .raw(",\"kv_block_seconds\":")
                .raw(plain(expense.blockNs() / 1e9))
                .raw(",\"cost\":")
                .raw(plain(expense.cost()))
                .raw(",\"currency\":")
                .string(expense.currency())
                .raw("}");
    }

    private static String plain(double value) {
        return BigDecimal.valueOf(value)
                .setScale(PLACES, RoundingMode.HALF_UP)
                .stripTrailingZeros()
                .toPlainString();
    }
}
