package io.sluice.benchmarks.traffic;

import io.sluice.batching.Caller;
import io.sluice.batching.PrefixScope;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/// Replays what a real run's clients sent on a device that was calibrated with another run, and says what
/// they would have got. One thread.
public final class Prediction {
    private static final String NOBODY = "observed";

    private static final int HALVINGS = 16;

    private final Calibration calibration;
    private final double aroundNs; // of each request, outside the engine
    private final double frontendNs; // of that, what requests that come together wait for each other

    private Prediction(Calibration calibration, double aroundNs, double frontendNs) {
        this.calibration = calibration;
        this.aroundNs = aroundNs;
        this.frontendNs = frontendNs;
    }

    /// Learns from runs: the engine's part from its step log; what lies around it, HTTP and tokenising,
    /// from how much later clients of an idle server have their first tokens than the engine alone would
    /// give them; and how much of that requests take from each other from a crowd that comes at once.
    public static Prediction learned(Path stepLog, List<Observed> idle, List<Observed> crowd) throws IOException {
        Calibration steps = Calibration.read(stepLog);
        double alone = medianFirst(new Prediction(steps, 0, 0).of(idle));
        double aroundNs = Math.max(0, medianFirst(idle) - alone);
        double low = 0;
        double high = 4 * aroundNs;
        for (int i = 0; i < HALVINGS; i++) {
            double middle = (low + high) / 2;
            if (medianFirst(new Prediction(steps, aroundNs, middle).of(crowd)) < medianFirst(crowd)) low = middle;
            else high = middle;
        }
        return new Prediction(steps, aroundNs, low);
    }

    private static double medianFirst(List<Observed> run) {
        return median(run.stream().mapToDouble(Observed::firstNs).toArray());
    }

    /// How well the steps of the run that was learned from are told, and what lies around the engine.
    public String words() {
        List<Double> parts = calibration.partsNs();
        return "%d steps, half of them missed by less than %.1f %%: %.0f µs + %.2f µs per sequence + %.4f µs per token looked"
                        .formatted(
                                calibration.steps(),
                                calibration.missed() * 100,
                                parts.get(0) / 1e3,
                                parts.get(1) / 1e3,
                                parts.get(2) / 1e3)
                + " back at + %.2f µs per prompt token + %.4f µs per pair; %.2f ms around the engine, of which %.2f one after another"
                        .formatted(parts.get(3) / 1e3, parts.get(4) / 1e3, aroundNs / 1e6, frontendNs / 1e6);
    }

    /// What clients that send the same at the same moments would get, in order of arrival.
    public List<Observed> of(List<Observed> sent) {
        List<Observed> ordered =
                sent.stream().sorted(Comparator.comparingLong(Observed::atNs)).toList();
        List<TraceRow> rows = new ArrayList<>();
        long firstNs = ordered.getFirst().atNs();
        double freeNs = 0;
        List<Long> delays = new ArrayList<>(); // from the client to the engine
        for (Observed it : ordered) {
            long atNs = it.atNs() - firstNs;
            freeNs = Math.max(freeNs, (double) atNs) + frontendNs;
            delays.add((long) (freeNs - atNs + Math.max(0, aroundNs - frontendNs)));
            rows.add(new TraceRow(atNs + delays.getLast(), it.promptTokens(), it.outputTokens(), List.of()));
        }
        var trace = new Trace(NOBODY, NOBODY, rows);
        List<TrafficRequest> requests = new ArrayList<>();
        for (int i = 0; i < rows.size(); i++) {
            TraceRow row = rows.get(i);
            requests.add(new TrafficRequest(
                    i, row.arrivalNs(), row, Caller.ANONYMOUS, row.outputTokens(), PrefixScope.of(1), Mix.of(1, 2, i)));
        }
        var replay = new Replay(
                new Workload(trace, 1, requests), DeviceModel.of(calibration), new Policy.Sluice(), Clients.GIVE_UP);
        List<Observed> predicted = new ArrayList<>();
        for (Outcome outcome : replay.run(TokenListener.NOBODY).outcomes()) {
            if (!(outcome instanceof Outcome.Served(var request, var _, var timing, var _, var _))) continue;
            long delayNs = delays.get(request.index());
            predicted.add(new Observed(
                    request.arrivalNs() - delayNs,
                    request.promptTokens(),
                    request.outputTokens(),
                    timing.firstTokenNs() + delayNs,
                    timing.lastTokenNs() + delayNs));
        }
        return predicted;
    }

    /// What is compared of a run. A value.
    ///
    /// @param tokensPerSecond of output, from the first request to the last token
    public record Figures(double firstTokenNs, double wholeAnswerNs, double tokensPerSecond) {
        public static Figures of(List<Observed> run) {
            long tokens = run.stream().mapToLong(Observed::outputTokens).sum();
            long from = run.stream().mapToLong(Observed::atNs).min().orElse(0);
            long to =
                    run.stream().mapToLong(it -> it.atNs() + it.lastNs()).max().orElse(1);
            return new Figures(
                    median(run.stream().mapToDouble(Observed::firstNs).toArray()),
                    median(run.stream().mapToDouble(Observed::lastNs).toArray()),
                    tokens * 1e9 / Math.max(1, to - from));
        }
    }

    private static double median(double[] values) {
        return new Percentiles(values).at(50);
    }
}
