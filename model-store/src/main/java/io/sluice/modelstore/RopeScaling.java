package io.sluice.modelstore;

import java.util.List;

/// How a model's rotary frequencies differ from `theta^(-2i / width)`, so that it reads further than it was
/// first trained to. The formulas are those of transformers' `modeling_rope_utils`. Values; any thread.
public sealed interface RopeScaling {

    /// The frequencies as they are.
    static RopeScaling none() {
        return new None();
    }

    /// Radians per position of each of the `width / 2` pairs.
    ///
    /// @param contextMax the longest sequence that will be computed
    float[] frequencies(int width, float theta, int contextMax);

    /// What cosines and sines are multiplied by.
    default float magnitude() {
        return 1;
    }

    private static float[] plain(int width, float theta) {
        float[] frequencies = new float[width / 2];
        for (int i = 0; i < frequencies.length; i++) {
            frequencies[i] = 1f / (float) Math.pow(theta, 2f * i / width);
        }
        return frequencies;
    }

    private static void requireFactor(String what, float factor) {
        if (!(factor > 0 && factor < Float.POSITIVE_INFINITY)) {
            throw new IllegalArgumentException(what + " " + factor + " is not a finite number above 0");
        }
    }

    private static void requireContext(int context) {
        if (context < 1) {
            throw new IllegalArgumentException("original context length " + context + " is not at least 1");
        }
    }

    /// No scaling.
    record None() implements RopeScaling {
        @Override
        public float[] frequencies(int width, float theta, int contextMax) {
            return plain(width, theta);
        }
    }

    /// Positions divided by `factor` (position interpolation, arXiv 2306.15595).
    record Linear(float factor) implements RopeScaling {
        public Linear {
            requireFactor("rope factor", factor);
        }

        @Override
        public float[] frequencies(int width, float theta, int contextMax) {
            float[] frequencies = plain(width, theta);
            for (int i = 0; i < frequencies.length; i++) {
                frequencies[i] /= factor;
            }
            return frequencies;
        }
    }

    /// Llama 3.1: slow pairs are divided by `factor`, fast ones stay, those between are blended.
    record Llama3(float factor, float lowFrequencyFactor, float highFrequencyFactor, int originalContext)
            implements RopeScaling {
        public Llama3 {
            requireFactor("rope factor", factor);
            requireFactor("low_freq_factor", lowFrequencyFactor);
            requireContext(originalContext);
            if (!(highFrequencyFactor > lowFrequencyFactor)) {
                throw new IllegalArgumentException("high_freq_factor " + highFrequencyFactor
                        + " is not above low_freq_factor " + lowFrequencyFactor);
            }
        }

        @Override
        public float[] frequencies(int width, float theta, int contextMax) {
            float[] frequencies = plain(width, theta);
            for (int i = 0; i < frequencies.length; i++) {
                double turns = originalContext * (double) frequencies[i] / (2 * Math.PI); // in the original context
                double blend = (turns - lowFrequencyFactor) / (highFrequencyFactor - lowFrequencyFactor);
                double kept = Math.clamp(blend, 0.0, 1.0);
                frequencies[i] = (float) ((1 - kept) * frequencies[i] / factor + kept * frequencies[i]);
            }
            return frequencies;
        }
    }

    /// YaRN (arXiv 2309.00071): a ramp over the pairs between plain and divided frequencies.
    ///
    /// @param betaFast turns in the original context from which a pair stays as it is
    /// @param betaSlow turns below which it is divided by `factor`
    /// @param truncates the ramp's ends are whole pairs
    record Yarn(float factor, int originalContext, float betaFast, float betaSlow, boolean truncates, float magnitude)
            implements RopeScaling {
        public Yarn {
            requireFactor("rope factor", factor);
            requireFactor("beta_fast", betaFast);
            requireFactor("beta_slow", betaSlow);
            requireFactor("attention_factor", magnitude);
            requireContext(originalContext);
        }

        /// The magnitude where none is given: attention is sharpened as contexts grow.
        static float defaultMagnitude(float factor) {
            return magnitude(factor, 1);
        }

        static float magnitude(float factor, float scale) {
            return factor <= 1 ? 1 : (float) (0.1 * scale * Math.log(factor) + 1);
        }

        @Override
        public float[] frequencies(int width, float theta, int contextMax) {
            double low = pairOf(betaFast, width, theta);
            double high = pairOf(betaSlow, width, theta);
            if (truncates) {
                low = Math.floor(low);
                high = Math.ceil(high);
            }
            low = Math.max(low, 0);
            high = Math.min(high, width - 1);
            if (low == high) {
                high += 0.001;
            }
            float[] frequencies = plain(width, theta);
            for (int i = 0; i < frequencies.length; i++) {
                double divided = Math.clamp((i - low) / (high - low), 0.0, 1.0);
                frequencies[i] = (float) (divided * frequencies[i] / factor + (1 - divided) * frequencies[i]);
            }
            return frequencies;
        }

        /// The pair that makes this many turns in the original context.
        private double pairOf(double turns, int width, float theta) {
            return width * Math.log(originalContext / (turns * 2 * Math.PI)) / (2 * Math.log(theta));
        }
    }

    /// LongRoPE (arXiv 2402.13753): a divisor for each pair, of two sets. Which set holds is decided by the
    /// longest sequence that is served, not by each sequence's length: keys in the cache cannot be turned
    /// again when their sequence outgrows the original context.
    record LongRope(List<Float> shortDivisors, List<Float> longDivisors, int originalContext, float magnitude)
            implements RopeScaling {
        public LongRope {
            shortDivisors = List.copyOf(shortDivisors);
            longDivisors = List.copyOf(longDivisors);
            requireFactor("attention_factor", magnitude);
            requireContext(originalContext);
        }

        @Override
        public float[] frequencies(int width, float theta, int contextMax) {
            List<Float> divisors = contextMax > originalContext ? longDivisors : shortDivisors;
            return new Divisors(divisors).frequencies(width, theta, contextMax);
        }
    }

    /// A divisor for each pair, as GGUF files store the outcome of Llama 3.1's scaling (`rope_freqs`).
    record Divisors(List<Float> divisors) implements RopeScaling {
        public Divisors {
            divisors = List.copyOf(divisors);
            for (float divisor : divisors) {
                requireFactor("rope divisor", divisor);
            }
        }

        @Override
        public float[] frequencies(int width, float theta, int contextMax) {
            if (divisors.size() != width / 2) {
                throw new IllegalArgumentException(
                        divisors.size() + " rope divisors for " + width / 2 + " rotary pairs");
            }
            float[] frequencies = new float[width / 2];
            for (int i = 0; i < frequencies.length; i++) {
                frequencies[i] = 1f / (divisors.get(i) * (float) Math.pow(theta, 2f * i / width));
            }
            return frequencies;
        }
    }
}
