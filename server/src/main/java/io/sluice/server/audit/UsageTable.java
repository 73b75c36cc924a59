package io.sluice.server.audit;

import io.sluice.server.openai.Json;
import java.io.PrintWriter;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.YearMonth;
import java.time.ZoneOffset;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// Adds a month's requests of an audit log up, per tenant, model and currency. One thread.
public final class UsageTable {
    private static final String HEAD =
            "month,tenant,model,requests,refused,prompt_tokens,cached_tokens,completion_tokens,"
                    + "device_seconds,kv_block_seconds,cost,currency";
    private static final int PLACES = 6;

    private final YearMonth month;
    private final Map<Row, Sums> rows = new TreeMap<>();

    private record Row(String tenant, String model, String currency) implements Comparable<Row> {
        @Override
        public int compareTo(Row other) {
            int byTenant = tenant.compareTo(other.tenant);
            if (byTenant != 0) return byTenant;
            int byModel = model.compareTo(other.model);
            return byModel != 0 ? byModel : currency.compareTo(other.currency);
        }
    }

    private static final class Sums {
        private long requests;
        private long refused;
        private long promptTokens;
        private long cachedTokens;
        private long outputTokens;
        private double deviceSeconds;
        private double blockSeconds;
        private double cost;
    }

    /// @param month in UTC; a request belongs to the one that it ended in
    public UsageTable(YearMonth month) {
        this.month = month;
    }

    /// Takes a line of the log.
    public void add(String line) {
        if (!line.contains("\"kind\":\"request\"")) return;
        Map<String, Object> request = Json.parseObject(line.getBytes(StandardCharsets.UTF_8));
        Instant at = Instant.parse(String.valueOf(request.get("at")));
        if (!YearMonth.from(at.atZone(ZoneOffset.UTC)).equals(month)) return;
        Map<?, ?> usage = request.get("usage") instanceof Map<?, ?> map ? map : Map.of();
        String tenant = request.get("tenant") instanceof String name ? name : "";
        String currency = usage.get("currency") instanceof String name ? name : "";
        Sums sums =
                rows.computeIfAbsent(new Row(tenant, String.valueOf(request.get("model")), currency), _ -> new Sums());
        sums.requests++;
        if ("refused".equals(request.get("state"))) sums.refused++;
        sums.promptTokens += (long) number(usage.get("prompt_tokens"));
        sums.cachedTokens += (long) number(usage.get("cached_tokens"));
        sums.outputTokens += (long) number(usage.get("completion_tokens"));
        sums.deviceSeconds += number(usage.get("device_seconds"));
        sums.blockSeconds += number(usage.get("kv_block_seconds"));
        sums.cost += number(usage.get("cost"));
    }

    private static double number(@Nullable Object value) {
        return value instanceof Number number ? number.doubleValue() : 0;
    }

    /// As comma separated values, as RFC 4180 has them.
    public void write(PrintWriter out) {
        out.print(HEAD + "\r\n");
        rows.forEach((row, sums) -> out.print(String.join(
                        ",",
                        month.toString(),
                        quoted(row.tenant()),
                        quoted(row.model()),
                        Long.toString(sums.requests),
                        Long.toString(sums.refused),
                        Long.toString(sums.promptTokens),
                        Long.toString(sums.cachedTokens),
                        Long.toString(sums.outputTokens),
                        decimal(sums.deviceSeconds),
                        decimal(sums.blockSeconds),
                        decimal(sums.cost),
                        row.currency())
                + "\r\n"));
        out.flush();
    }

    private static String decimal(double value) {
        return BigDecimal.valueOf(value).setScale(PLACES, RoundingMode.HALF_UP).toPlainString();
    }

    private static String quoted(String text) {
        boolean isPlain = text.chars().noneMatch(c -> c == ',' || c == '"' || c == '\n' || c == '\r');
        return isPlain ? text : '"' + text.replace("\"", "\"\"") + '"';
    }
}
