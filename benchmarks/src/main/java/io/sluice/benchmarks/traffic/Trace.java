package io.sluice.benchmarks.traffic;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.SplittableRandom;

/// Requests that were once sent, in order of arrival. A value.
///
/// @param name of its file
/// @param sha256 of its file, in hexadecimal
/// @param rows at least two, not all at one moment: a trace has a rate
public record Trace(String name, String sha256, List<TraceRow> rows) {
    private static final double SECOND_NS = 1e9;

    public Trace {
        rows = List.copyOf(rows);
        if (rows.size() < 2 || rows.getLast().arrivalNs() == 0) {
            throw new BrokenTrace(name + ": a trace needs at least two requests, at different moments");
        }
        for (int i = 1; i < rows.size(); i++) {
            if (rows.get(i).arrivalNs() < rows.get(i - 1).arrivalNs()) {
                throw new IllegalArgumentException("rows must be in order of arrival");
            }
        }
    }

    long spanNs() {
        return rows.getLast().arrivalNs();
    }

    /// Requests per second, as they were sent.
    public double rate() {
        return (rows.size() - 1) * SECOND_NS / spanNs();
    }

    /// The same requests at another rate: all gaps shrink or grow alike.
    public Trace atRate(double requestsPerSecond) {
        double factor = rate() / requestsPerSecond;
        return withRows(rows.stream()
                .map(row -> row.at(Math.round(row.arrivalNs() * factor)))
                .toList());
    }

    /// So many crowds at the same time, each like this one: it begins at another place of the trace, whose
    /// end is followed by its beginning, and its prompts are its own but for what all prompts begin with.
    public Trace overlaid(int copies, long seed) {
        if (copies == 1) return this;
        int common = Workload.commonIds(rows);
        int ids = rows.stream()
                .flatMap(row -> row.hashIds().stream())
                .mapToInt(it -> it + 1)
                .max()
                .orElse(0);
        var random = new SplittableRandom(seed);
        var all = new ArrayList<TraceRow>(copies * rows.size());
        for (int copy = 0; copy < copies; copy++) {
            long shiftNs = copy == 0 ? 0 : random.nextLong(spanNs());
            for (TraceRow row : rows) {
                long atNs = (row.arrivalNs() + shiftNs) % (spanNs() + 1);
                all.add(new TraceRow(
                        atNs, row.promptTokens(), row.outputTokens(), shifted(row, common, (long) copy * ids)));
            }
        }
        all.sort(Comparator.comparingLong(TraceRow::arrivalNs));
        long firstNs = all.getFirst().arrivalNs();
        return withRows(
                all.stream().map(row -> row.at(row.arrivalNs() - firstNs)).toList());
    }

    private static List<Integer> shifted(TraceRow row, int common, long by) {
        var ids = new ArrayList<Integer>(row.hashIds().size());
        for (int i = 0; i < row.hashIds().size(); i++) {
            int id = row.hashIds().get(i);
            ids.add(i < common ? id : Math.toIntExact(id + by));
        }
        return ids;
    }

    /// The requests of the first `span`.
    public Trace first(Duration span) {
        return withRows(
                rows.stream().takeWhile(row -> row.arrivalNs() < span.toNanos()).toList());
    }

    /// The first `count` requests, or all.
    Trace first(int count) {
        return withRows(rows.subList(0, Math.min(count, rows.size())));
    }

    /// Some traces have a clock that ticks every few seconds; their clients had none. Requests of one tick
    /// are spread at random over the time until the next, but no further than over the usual tick.
    public Trace spread(long seed) {
        long tickNs = usualTickNs();
        var random = new SplittableRandom(seed);
        var spread = new ArrayList<TraceRow>(rows.size());
        for (int from = 0; from < rows.size(); ) {
            long atNs = rows.get(from).arrivalNs();
            int to = from;
            while (to < rows.size() && rows.get(to).arrivalNs() == atNs) to++;
            long widthNs = to < rows.size() ? Math.min(tickNs, rows.get(to).arrivalNs() - atNs) : tickNs;
            long[] offsets = new long[to - from];
            if (offsets.length > 1) {
                for (int i = 0; i < offsets.length; i++) offsets[i] = (long) (random.nextDouble() * widthNs);
                Arrays.sort(offsets);
            }
            for (int i = from; i < to; i++) spread.add(rows.get(i).at(atNs + offsets[i - from]));
            from = to;
        }
        return withRows(spread);
    }

    /// The median distance between different moments.
    private long usualTickNs() {
        long[] moments = rows.stream().mapToLong(TraceRow::arrivalNs).distinct().toArray();
        long[] gaps = new long[moments.length - 1];
        for (int i = 0; i < gaps.length; i++) gaps[i] = moments[i + 1] - moments[i];
        Arrays.sort(gaps);
        return gaps[gaps.length / 2];
    }

    private Trace withRows(List<TraceRow> others) {
        return new Trace(name, sha256, others);
    }
}
