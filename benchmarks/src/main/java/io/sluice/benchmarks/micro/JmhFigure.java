package io.sluice.benchmarks.micro;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.openjdk.jmh.results.Result;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.util.Statistics;

/// What one benchmark of the suite came to. A value.
///
/// @param benchmark class and method
/// @param parameters by name
/// @param mode JMH's short name of it
/// @param score the mean over all iterations of all forks
/// @param error half the 99.9 % interval around it; NaN if there were too few iterations
/// @param percentiles of single calls, where they were sampled; else empty
/// @param bytesPerOperation that the benchmark's threads allocated; NaN if it was not counted
/// @param cpuUs processor time of an operation, where the benchmark counts it; else NaN
record JmhFigure(
        String benchmark,
        Map<String, String> parameters,
        String mode,
        double score,
        double error,
        String unit,
        Map<String, Double> percentiles,
        double bytesPerOperation,
        double cpuUs) {
    private static final String ALLOCATION = "gc.alloc.rate.norm";

    /// What a benchmark counts itself, because its making of things is no part of what it measures.
    private static final String OWN_ALLOCATION = "stepBytes";

    private static final String OWN_CPU = "stepCpuUs";

    private static final List<Double> SAMPLED = List.of(50.0, 90.0, 99.0, 99.9);

    JmhFigure {
        parameters = Map.copyOf(parameters);
        percentiles = Map.copyOf(percentiles);
    }

    static List<JmhFigure> of(Collection<RunResult> results) {
        List<JmhFigure> figures = new ArrayList<>();
        for (RunResult result : results) {
            Map<String, String> parameters = new TreeMap<>();
            for (String name : result.getParams().getParamsKeys()) {
                parameters.put(name, result.getParams().getParam(name));
            }
            String name = shortName(result.getParams().getBenchmark());
            var counted = new Counted(bytes(result), score(result, OWN_CPU));
            String mode = result.getParams().getMode().shortLabel();
            figures.add(figure(name, parameters, mode, result.getPrimaryResult(), counted));
            result.getSecondaryResults().forEach((label, part) -> {
                // The threads of a group, each by itself.
                if (label.equals("send") || label.equals("receive")) {
                    figures.add(figure(name + ":" + label, parameters, mode, part, Counted.NOTHING));
                }
            });
        }
        return figures;
    }

    private static JmhFigure figure(
            String name, Map<String, String> parameters, String mode, Result<?> result, Counted counted) {
        Statistics statistics = result.getStatistics();
        Map<String, Double> percentiles = new TreeMap<>();
        if (mode.equals("sample")) {
            for (double at : SAMPLED) percentiles.put("p" + at, statistics.getPercentile(at));
        }
        return new JmhFigure(
                name,
                parameters,
                mode,
                result.getScore(),
                result.getScoreError(),
                result.getScoreUnit(),
                percentiles,
                counted.bytes(),
                counted.cpuUs());
    }

    private record Counted(double bytes, double cpuUs) {
        static final Counted NOTHING = new Counted(Double.NaN, Double.NaN);
    }

    private static double bytes(RunResult result) {
        double own = score(result, OWN_ALLOCATION);
        return Double.isNaN(own) ? score(result, ALLOCATION) : own;
    }

    private static double score(RunResult result, String name) {
        Result<?> counted = result.getSecondaryResults().get(name);
        return counted == null ? Double.NaN : counted.getStatistics().getMean();
    }

    private static String shortName(String benchmark) {
        int method = benchmark.lastIndexOf('.');
        return benchmark.substring(benchmark.lastIndexOf('.', method - 1) + 1);
    }

    /// With its parameters.
    String name() {
        return parameters.isEmpty()
                ? benchmark
                : benchmark + " "
                        + new TreeMap<>(parameters)
                                .entrySet().stream()
                                        .map(it -> it.getKey() + "=" + it.getValue())
                                        .collect(Collectors.joining(" "));
    }

    /// The parameter's value, or nothing.
    String parameter(String name) {
        return parameters.getOrDefault(name, "");
    }
}
