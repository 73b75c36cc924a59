package io.sluice.benchmarks.traffic;

import io.sluice.batching.ModelLimits;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// What the steps of a real run took, as a sum of parts that are fitted to its step log: a constant, a part
/// for each sequence that writes, for each token that those look back at, for each prompt token, and for
/// each pair of a prompt token and one before it. A value.
///
/// None is negative. The fit is of relative errors, so that short steps count as much as long ones; the
/// steps that it misses by most, which a busy machine held up, are left out and it is made again.
///
/// @param source the log's name
/// @param limits of the run
/// @param partsNs in that order
/// @param missed the relative error that half of the steps exceed
record Calibration(String source, String model, ModelLimits limits, List<Double> partsNs, double missed, int steps) {
    private static final int PARTS = 5;
    private static final int STEPS_MIN = 100;
    private static final int STEPS_MAX = 1_000_000; // of a longer log, the first
    private static final int SWEEPS = 2_000;
    private static final int ROUNDS = 5;
    private static final double OUTLIER = 4; // times the usual error

    /// Before a step that follows another the host plans; a longer pause had nothing to do.
    private static final long HOST_MAX_US = 5_000;

    /// Steps before it are those of a cold start.
    private static final double WARM_UP_PART = 0.1;

    private static final String HEAD =
            "at_us,us,host_us,writing,prompts,prompt_tokens,sampled,writing_context,prompt_context,prompt_pairs,copies";

    Calibration {
        partsNs = List.copyOf(partsNs);
    }

    /// Of a step with these sums, in nanoseconds.
    double ns(double writing, double writingContext, double promptTokens, double promptPairs) {
        return partsNs.get(0)
                + writing * partsNs.get(1)
                + writingContext * partsNs.get(2)
                + promptTokens * partsNs.get(3)
                + promptPairs * partsNs.get(4);
    }

    ModelLimits limits(int stepTokensMax) {
        return new ModelLimits(
                limits.blockCount(),
                limits.blockSize(),
                limits.contextMax(),
                stepTokensMax,
                limits.sequencesMax(),
                limits.vocabSize(),
                limits.hostBlockCount());
    }

    /// As `DeviceModel.roofRate`.
    double roofRate(Trace trace) {
        double kvTokens = 0;
        for (TraceRow row : trace.rows()) kvTokens += row.promptTokens() + row.outputTokens();
        kvTokens /= trace.rows().size();
        double ns = 0;
        for (TraceRow row : trace.rows()) ns += roofNs(row, kvTokens);
        return trace.rows().size() / (ns / 1e9);
    }

    /// As `DeviceModel.roofNs`, beside others that have so many tokens each.
    double roofNs(TraceRow row, double kvTokens) {
        double together = Math.clamp(limits.cacheTokens() / kvTokens, 1, limits.sequencesMax());
        double prompt = row.promptTokens();
        double context = prompt + row.outputTokens() / 2.0;
        return prompt * partsNs.get(3)
                + prompt * prompt / 2 * partsNs.get(4)
                + row.outputTokens() * (partsNs.get(0) / together + partsNs.get(1) + context * partsNs.get(2));
    }

    /// @throws BrokenTrace with the line, if it is not what a server writes
    static Calibration read(Path file) throws IOException {
        List<String> lines = Files.readAllLines(file);
        String name = String.valueOf(file.getFileName());
        if (lines.size() < 3
                || !lines.get(0).startsWith("# sluice step log 1, model ")
                || !lines.get(2).equals(HEAD)) {
            throw new BrokenTrace(name + " is no step log of this version: `sluice serve --step-log FILE` writes one");
        }
        ModelLimits limits = limits(name, lines.get(1));
        List<double[]> rows = new ArrayList<>();
        for (int i = 3; i < lines.size() && rows.size() < STEPS_MAX; i++) {
            if (!lines.get(i).startsWith("#")) rows.add(row(name, i + 1, lines.get(i)));
        }
        if (rows.size() < STEPS_MIN) {
            throw new BrokenTrace(name + " has " + rows.size() + " steps; at least " + STEPS_MIN
                    + " are needed: let the server answer more requests");
        }
        String model = lines.getFirst().substring(lines.getFirst().indexOf("model ") + 6);
        return fitted(name, model, limits, rows.subList((int) (rows.size() * WARM_UP_PART), rows.size()));
    }

    private static ModelLimits limits(String name, String line) {
        String[] words = line.split(" ", -1);
        try {
            int[] numbers =
                    Arrays.stream(words).skip(2).mapToInt(Integer::parseInt).toArray();
            return new ModelLimits(numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], numbers[5], numbers[6]);
        } catch (IllegalArgumentException | ArrayIndexOutOfBoundsException e) {
            throw new BrokenTrace(name + ", line 2: these are no limits");
        }
    }

    /// What a step took in nanoseconds, then what it consisted of.
    private static double[] row(String name, int number, String line) {
        String[] cells = line.split(",", -1);
        try {
            if (cells.length != 11) throw new NumberFormatException();
            long[] at = Arrays.stream(cells).mapToLong(Long::parseLong).toArray();
            double host = at[2] <= HOST_MAX_US ? at[2] : Double.NaN;
            return new double[] {(at[1] + host) * 1e3, at[1] * 1e3, 1, at[3], at[7], at[5], at[9]};
        } catch (NumberFormatException e) {
            throw new BrokenTrace(name + ", line " + number + ": these are not the eleven numbers of a step");
        }
    }

    private static Calibration fitted(String name, String model, ModelLimits limits, List<double[]> rows) {
        double[] hosts = rows.stream()
                .filter(row -> !Double.isNaN(row[0]))
                .mapToDouble(row -> row[0] - row[1])
                .sorted()
                .toArray();
        double usualHost = hosts.length == 0 ? 0 : hosts[hosts.length / 2];
        List<double[]> all = new ArrayList<>();
        for (double[] row : rows) {
            double[] one = Arrays.copyOfRange(row, 1, row.length);
            one[0] = Double.isNaN(row[0]) ? row[1] + usualHost : row[0];
            if (one[0] > 0) all.add(one);
        }
        List<double[]> kept = all;
        double[] parts = new double[PARTS];
        double usual = 0;
        for (int round = 0; round < ROUNDS; round++) {
            parts = leastSquares(kept);
            double[] fit = parts;
            double[] errors =
                    all.stream().mapToDouble(row -> error(row, fit)).sorted().toArray();
            usual = errors[errors.length / 2];
            double most = Math.max(0.02, OUTLIER * usual);
            kept = all.stream().filter(row -> error(row, fit) <= most).toList();
        }
        // What was left out took its time all the same: together the steps take as long as they did.
        double[] fit = parts;
        double told = all.stream().mapToDouble(row -> told(row, fit)).sum();
        double factor = all.stream().mapToDouble(row -> row[0]).sum() / told;
        return new Calibration(
                name,
                model,
                limits,
                Arrays.stream(parts).map(part -> part * factor).boxed().toList(),
                usual,
                kept.size());
    }

    private static double error(double[] row, double[] parts) {
        return Math.abs(told(row, parts) - row[0]) / row[0];
    }

    private static double told(double[] row, double[] parts) {
        double sum = 0;
        for (int i = 0; i < PARTS; i++) sum += row[i + 1] * parts[i];
        return sum;
    }

    /// Coordinate descent on the normal equations of the relative error, in units in which all parts are alike.
    private static double[] leastSquares(List<double[]> rows) {
        double[] unit = new double[PARTS];
        for (double[] row : rows) {
            for (int i = 0; i < PARTS; i++) unit[i] = Math.max(unit[i], row[i + 1] / row[0]);
        }
        double[][] squares = new double[PARTS][PARTS];
        double[] products = new double[PARTS];
        for (double[] row : rows) {
            for (int i = 0; i < PARTS; i++) {
                double left = scaled(row, i, unit);
                products[i] += left;
                for (int j = 0; j < PARTS; j++) squares[i][j] += left * scaled(row, j, unit);
            }
        }
        double[] parts = new double[PARTS];
        for (int sweep = 0; sweep < SWEEPS; sweep++) {
            for (int i = 0; i < PARTS; i++) {
                if (squares[i][i] <= 0) continue;
                double rest = products[i];
                for (int j = 0; j < PARTS; j++) rest -= j == i ? 0 : squares[i][j] * parts[j];
                parts[i] = Math.max(0, rest / squares[i][i]);
            }
        }
        for (int i = 0; i < PARTS; i++) parts[i] = unit[i] == 0 ? 0 : parts[i] / unit[i];
        return parts;
    }

    private static double scaled(double[] row, int part, double[] unit) {
        return unit[part] == 0 ? 0 : row[part + 1] / row[0] / unit[part];
    }
}
