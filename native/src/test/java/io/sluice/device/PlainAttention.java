package io.sluice.device;

/// Rotary positions and causal attention as their definitions read, in double precision. What kernels are compared
/// with.
final class PlainAttention {
    private PlainAttention() {}

    /// `[position, headDim]`: cosines, then sines.
    static float[] rotation(int headDim, int positions) {
        float[] table = new float[positions * headDim];
        for (int p = 0; p < positions; p++) {
            for (int i = 0; i < headDim / 2; i++) {
                double angle = p * Math.pow(10000, -2.0 * i / headDim);
                table[p * headDim + i] = (float) Math.cos(angle);
                table[p * headDim + headDim / 2 + i] = (float) Math.sin(angle);
            }
        }
        return table;
    }

    /// Outputs of every position of a sequence of rows [q | k | v].
    ///
    /// @param rounds queries are rounded to bfloat16
    static float[][] outputs(KvLayout kv, float[][] qkv, boolean rounds) {
        return outputs(kv, new Kernels.Scores(0, 1f / (float) Math.sqrt(kv.headDim()), 0), qkv, rounds);
    }

    /// Outputs with a window, a scale and a soft cap.
    static float[][] outputs(KvLayout kv, Kernels.Scores scores, float[][] qkv, boolean rounds) {
        int dim = kv.headDim();
        int group = kv.headCount() / kv.kvHeadCount();
        int length = qkv.length;
        float[] rotation = rotation(dim, length);
        float[][] out = new float[length][kv.headCount() * dim];
        for (int h = 0; h < kv.headCount(); h++) {
            int keyHead = kv.headCount() + h / group;
            int valueHead = keyHead + kv.kvHeadCount();
            float[][] keys = new float[length][];
            for (int p = 0; p < length; p++) keys[p] = rotated(qkv[p], keyHead * dim, rotation, p, dim);
            for (int p = 0; p < length; p++) {
                float[] q = rotated(qkv[p], h * dim, rotation, p, dim);
                float scale = scores.scale();
                int from = scores.window() == 0 ? 0 : Math.max(0, p + 1 - scores.window());
                for (int i = 0; i < dim; i++) q[i] = rounds ? KernelRows.round(q[i] * scale) : q[i] * scale;
                double[] weights = new double[p + 1];
                double sum = 0;
                for (int j = from; j <= p; j++) {
                    double score = 0;
                    for (int i = 0; i < dim; i++) score += (double) q[i] * KernelRows.rounded(keys[j][i], kv.dtype());
                    double cap = scores.softcap();
                    weights[j] = Math.exp(cap == 0 ? score : cap * Math.tanh(score / cap));
                    sum += weights[j];
                }
                for (int i = 0; i < dim; i++) {
                    double value = 0;
                    for (int j = from; j <= p; j++) {
                        value += weights[j] * KernelRows.rounded(qkv[j][valueHead * dim + i], kv.dtype());
                    }
                    out[p][h * dim + i] = (float) (value / sum);
                }
            }
        }
        return out;
    }

    private static float[] rotated(float[] row, int at, float[] rotation, int position, int dim) {
        float[] result = new float[dim];
        for (int i = 0; i < dim / 2; i++) {
            float cos = rotation[position * dim + i];
            float sin = rotation[position * dim + dim / 2 + i];
            result[i] = row[at + i] * cos - row[at + dim / 2 + i] * sin;
            result[dim / 2 + i] = row[at + dim / 2 + i] * cos + row[at + i] * sin;
        }
        return result;
    }
}
