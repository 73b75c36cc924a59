package io.sluice.device;

/// Loops over a row of logits, written so that the compiler turns them into vector instructions: at 50,000 logits a row
/// and dozens of rows a step, `Math.exp` would take longer than the model. Hot path. Any thread.
final class Exponentials {
    private static final double SQUARINGS_SCALE = 1.0 / 256; // 2^-8
    private static final double EXPONENT_MIN = -700;

    private Exponentials() {}

    /// The largest number; NaN if there is one among them.
    static float max(float[] values) {
        float max = Float.NEGATIVE_INFINITY;
        for (float value : values) max = Math.max(max, value);
        return max;
    }

    /// The first index at which `value` stands.
    static int indexOf(float[] values, float value) {
        for (int i = 0; i < values.length; i++) {
            if (values[i] == value) return i;
        }
        throw new IllegalArgumentException(value + " is not there");
    }

    /// `out[i] = exp((values[i] - max) scale)`, with a relative error below 1e-8; 0 for the exponents below -700.
    ///
    /// exp(x) = exp(x / 256)^256: a short Taylor series where it converges fast, then eight squarings. Unlike the
    /// usual reduction to powers of two it needs no integer arithmetic.
    static void fill(float[] values, float max, float scale, double[] out) {
        for (int i = 0; i < values.length; i++) {
            double x = Math.max(EXPONENT_MIN, ((double) values[i] - max) * scale) * SQUARINGS_SCALE;
            double power = 1.0 / 362880;
            power = power * x + 1.0 / 40320;
            power = power * x + 1.0 / 5040;
            power = power * x + 1.0 / 720;
            power = power * x + 1.0 / 120;
            power = power * x + 1.0 / 24;
            power = power * x + 1.0 / 6;
            power = power * x + 1.0 / 2;
            power = power * x + 1.0;
            power = power * x + 1.0;
            power *= power;
            power *= power;
            power *= power;
            power *= power;
            power *= power;
            power *= power;
            power *= power;
            power *= power;
            out[i] = power;
        }
    }

    /// The sum, over eight running sums so that it does not wait for each addition.
    static double sum(double[] values) {
        double s0 = 0, s1 = 0, s2 = 0, s3 = 0, s4 = 0, s5 = 0, s6 = 0, s7 = 0;
        int i = 0;
        for (; i + 8 <= values.length; i += 8) {
            s0 += values[i];
            s1 += values[i + 1];
            s2 += values[i + 2];
            s3 += values[i + 3];
            s4 += values[i + 4];
            s5 += values[i + 5];
            s6 += values[i + 6];
            s7 += values[i + 7];
        }
        for (; i < values.length; i++) s0 += values[i];
        return s0 + s1 + (s2 + s3) + (s4 + s5 + (s6 + s7));
    }
}
