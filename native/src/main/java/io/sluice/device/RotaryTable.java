package io.sluice.device;

/// Cosines and sines of rotary position embedding (RoFormer, arXiv 2104.09864), in Hugging Face's half-split
/// convention: number `i` of a head's first half turns with number `i` of its second half by
/// `position * theta^(-2i / headDim)`. Immutable; any thread.
final class RotaryTable {
    private final float[] cos; // [position, headDim / 2]
    private final float[] sin; // [position, headDim / 2]

    /// Angles are rounded to float32 at each step as other implementations do: at position 8,000 half a unit in the
    /// last place of a frequency is a visible turn.
    RotaryTable(int positionCount, int headDim, float theta) {
        int half = headDim / 2;
        cos = new float[positionCount * half];
        sin = new float[positionCount * half];
        for (int i = 0; i < half; i++) {
            float frequency = 1f / (float) Math.pow(theta, 2f * i / headDim);
            for (int position = 0; position < positionCount; position++) {
                float angle = position * frequency;
                cos[position * half + i] = (float) Math.cos(angle);
                sin[position * half + i] = (float) Math.sin(angle);
            }
        }
    }

    /// `[position, headDim / 2]`; not to be changed.
    float[] cos() {
        return cos;
    }

    /// `[position, headDim / 2]`; not to be changed.
    float[] sin() {
        return sin;
    }
}
