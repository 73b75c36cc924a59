package io.sluice.device;

import io.sluice.modelstore.DecoderTraits;
import io.sluice.modelstore.ModelConfig;
import io.sluice.modelstore.RopeScaling;

/// Cosines and sines of rotary position embedding (RoFormer, arXiv 2104.09864), in Hugging Face's half-split
/// convention: number `i` of a head's first half turns with number `i` of its second half by
/// `position` times the pair's frequency. Immutable; any thread.
final class RotaryTable {
    private final float[] cos; // [position, width / 2]
    private final float[] sin; // [position, width / 2]

    /// The model's frequencies as they are.
    RotaryTable(int positionCount, int headDim, float theta) {
        this(positionCount, RopeScaling.none().frequencies(headDim, theta, positionCount), 1);
    }

    /// Angles are rounded to float32 at each step as other implementations do: at position 8,000 half a unit in the
    /// last place of a frequency is a visible turn.
    ///
    /// @param frequencies radians per position of each pair
    /// @param magnitude what cosines and sines are multiplied by
    RotaryTable(int positionCount, float[] frequencies, float magnitude) {
        int half = frequencies.length;
        cos = new float[positionCount * half];
        sin = new float[positionCount * half];
        for (int i = 0; i < half; i++) {
            for (int position = 0; position < positionCount; position++) {
                float angle = position * frequencies[i];
                cos[position * half + i] = (float) Math.cos(angle) * magnitude;
                sin[position * half + i] = (float) Math.sin(angle) * magnitude;
            }
        }
    }

    /// The global frequencies of a model.
    static RotaryTable global(ModelConfig config, int contextMax) {
        RopeScaling scaling = config.traits().rotary().scaling();
        int width = config.traits().rotary().width();
        return new RotaryTable(
                contextMax, scaling.frequencies(width, config.ropeTheta(), contextMax), scaling.magnitude());
    }

    /// The local frequencies of a model whose windowed layers have them.
    static RotaryTable local(ModelConfig config, int contextMax) {
        DecoderTraits.Rotary rotary = config.traits().rotary();
        return new RotaryTable(
                contextMax, RopeScaling.none().frequencies(rotary.width(), rotary.localTheta(), contextMax), 1);
    }

    /// `[position, width / 2]`; not to be changed.
    float[] cos() {
        return cos;
    }

    /// `[position, width / 2]`; not to be changed.
    float[] sin() {
        return sin;
    }
}
