package io.sluice.benchmarks.load;

import java.util.random.RandomGenerator;

/// The times between requests of an open loop: gamma distributed. Shape 1 is a Poisson process; less comes in
/// bursts, more comes evenly. A value.
///
/// @param requestsPerSecond on average
/// @param shape of the gamma distribution; what `vllm bench serve` calls burstiness
record ArrivalGaps(double requestsPerSecond, double shape) {

    /// The next gap in nanoseconds.
    double drawNs(RandomGenerator random) {
        return gamma(random) / (shape * requestsPerSecond) * 1e9;
    }

    /// A gamma variate of scale 1 (Marsaglia and Tsang, 2000); below shape 1 by the power of a uniform one.
    private double gamma(RandomGenerator random) {
        if (shape == 1) return -Math.log(1 - random.nextDouble());
        double raised = shape < 1 ? shape + 1 : shape;
        double d = raised - 1.0 / 3;
        double c = 1 / Math.sqrt(9 * d);
        while (true) {
            double normal = random.nextGaussian();
            double v = Math.pow(1 + c * normal, 3);
            if (v <= 0) continue;
            double uniform = 1 - random.nextDouble();
            if (Math.log(uniform) < normal * normal / 2 + d - d * v + d * Math.log(v)) {
                double drawn = d * v;
                return shape < 1 ? drawn * Math.pow(1 - random.nextDouble(), 1 / shape) : drawn;
            }
        }
    }
}
