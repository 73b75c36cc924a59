package io.sluice.device;

import io.sluice.modelstore.ModelConfig;

/// The Llama graph once more, in double precision and loops, without a cache: whole sequences only. What the runners
/// are compared with.
final class PlainLlama {
    private final RandomModel model;
    private final ModelConfig config;

    PlainLlama(RandomModel model) {
        this.model = model;
        this.config = model.config();
    }

    /// Logits after each token: [token][vocab].
    double[][] logits(int[] tokens) {
        double[][] finals = finals(tokens);
        String head = config.tiedHead() ? "model.embed_tokens" : "lm_head";
        double[][] logits = new double[tokens.length][];
        for (int t = 0; t < finals.length; t++) logits[t] = multiply(head, finals[t]);
        return logits;
    }

    /// Hidden states after the final norm: [token][hidden].
    double[][] finals(int[] tokens) {
        double[][] x = new double[tokens.length][];
        for (int t = 0; t < tokens.length; t++) x[t] = row("model.embed_tokens", tokens[t]);
        for (int layer = 0; layer < config.layerCount(); layer++) {
            String prefix = "model.layers." + layer + ".";
            attend(prefix, x);
            for (int t = 0; t < x.length; t++) {
                double[] normed = norm(prefix + "post_attention_layernorm", x[t]);
                double[] gate = multiply(prefix + "mlp.gate_proj", normed);
                double[] up = multiply(prefix + "mlp.up_proj", normed);
                for (int i = 0; i < gate.length; i++) up[i] *= gate[i] / (1 + Math.exp(-gate[i]));
                x[t] = plus(x[t], multiply(prefix + "mlp.down_proj", up));
            }
        }
        for (int t = 0; t < x.length; t++) x[t] = norm("model.norm", x[t]);
        return x;
    }

    private void attend(String prefix, double[][] x) {
        int headDim = config.headDim();
        double[][] queries = new double[x.length][];
        double[][] keys = new double[x.length][];
        double[][] values = new double[x.length][];
        for (int t = 0; t < x.length; t++) {
            double[] normed = norm(prefix + "input_layernorm", x[t]);
            queries[t] = rotate(multiply(prefix + "self_attn.q_proj", normed), t);
            keys[t] = rotate(multiply(prefix + "self_attn.k_proj", normed), t);
            values[t] = multiply(prefix + "self_attn.v_proj", normed);
        }
        for (int t = 0; t < x.length; t++) {
            double[] sums = new double[config.headCount() * headDim];
            for (int head = 0; head < config.headCount(); head++) {
                int kvHead = head * config.kvHeadCount() / config.headCount();
                double[] weights = new double[t + 1];
                double total = 0;
                for (int s = 0; s <= t; s++) {
                    double dot = 0;
                    for (int i = 0; i < headDim; i++) {
                        dot += queries[t][head * headDim + i] * keys[s][kvHead * headDim + i];
                    }
                    weights[s] = Math.exp(dot / Math.sqrt(headDim));
                    total += weights[s];
                }
                for (int s = 0; s <= t; s++) {
                    for (int i = 0; i < headDim; i++) {
                        sums[head * headDim + i] += weights[s] / total * values[s][kvHead * headDim + i];
                    }
                }
            }
            x[t] = plus(x[t], multiply(prefix + "self_attn.o_proj", sums));
        }
    }

    private double[] rotate(double[] heads, int position) {
        int headDim = config.headDim();
        double[] turned = new double[heads.length];
        for (int head = 0; head < heads.length; head += headDim) {
            for (int i = 0; i < headDim / 2; i++) {
                double angle = position * Math.pow(config.ropeTheta(), -2.0 * i / headDim);
                double first = heads[head + i];
                double second = heads[head + headDim / 2 + i];
                turned[head + i] = first * Math.cos(angle) - second * Math.sin(angle);
                turned[head + headDim / 2 + i] = second * Math.cos(angle) + first * Math.sin(angle);
            }
        }
        return turned;
    }

    private double[] norm(String name, double[] x) {
        double sum = 0;
        for (double value : x) sum += value * value;
        double scale = 1 / Math.sqrt(sum / x.length + config.rmsNormEps());
        float[] weight = model.numbers(name);
        double[] normed = new double[x.length];
        for (int i = 0; i < x.length; i++) normed[i] = x[i] * scale * weight[i];
        return normed;
    }

    private double[] multiply(String name, double[] x) {
        float[] weight = model.numbers(name);
        double[] product = new double[weight.length / x.length];
        for (int row = 0; row < product.length; row++) {
            for (int i = 0; i < x.length; i++) product[row] += weight[row * x.length + i] * x[i];
        }
        return product;
    }

    private double[] row(String name, int row) {
        float[] table = model.numbers(name);
        double[] numbers = new double[config.hiddenSize()];
        for (int i = 0; i < numbers.length; i++) numbers[i] = table[row * numbers.length + i];
        return numbers;
    }

    private static double[] plus(double[] a, double[] b) {
        double[] sum = new double[a.length];
        for (int i = 0; i < a.length; i++) sum[i] = a[i] + b[i];
        return sum;
    }
}
