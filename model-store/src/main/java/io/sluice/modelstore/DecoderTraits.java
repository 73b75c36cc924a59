package io.sluice.modelstore;

import java.util.Collections;
import java.util.List;
import java.util.Optional;

/// What a decoder does in other ways than the first Llama did, as data for one graph. A value; the
/// constructor checks that it is possible.
///
/// @param activation of the gate
/// @param queryKeyValueBias queries, keys and values have a bias
/// @param queryKeyNorm each head of queries and keys passes an RMSNorm before it is turned
/// @param postNorms what attention and MLP add passes an RMSNorm of its own
/// @param embeddingScale embeddings are multiplied by it
/// @param attentionScale what scores are multiplied by
/// @param attentionSoftcap scores become `cap tanh(score / cap)`; 0 if they do not
/// @param logitSoftcap logits likewise
/// @param rotary how positions turn queries and keys
/// @param layers one for each layer
/// @param experts the MLP is a choice of several; empty if it is one
public record DecoderTraits(
        Activation activation,
        boolean queryKeyValueBias,
        boolean queryKeyNorm,
        boolean postNorms,
        float embeddingScale,
        float attentionScale,
        float attentionSoftcap,
        float logitSoftcap,
        Rotary rotary,
        List<Layer> layers,
        Optional<Experts> experts) {

    /// What the gate passes through.
    public enum Activation {
        SILU,
        /// GELU in its tanh approximation.
        GELU_TANH
    }

    /// Which frequencies turn a layer's queries and keys.
    public enum Rotation {
        GLOBAL,
        /// Those of Gemma's windowed layers: a base of their own, never scaled.
        LOCAL,
        NONE
    }

    /// How positions turn queries and keys.
    ///
    /// @param width of a head, how many numbers are turned; even. The rest stay as they are
    /// @param scaling of the global frequencies
    /// @param localTheta base of the local frequencies; 0 if no layer uses them
    public record Rotary(int width, RopeScaling scaling, float localTheta) {}

    /// What one layer does in its own way.
    ///
    /// @param window positions that a token sees, its own among them; 0 if all before it
    public record Layer(int window, Rotation rotation) {
        public static final Layer PLAIN = new Layer(0, Rotation.GLOBAL);
    }

    /// A choice of MLPs for each token.
    ///
    /// @param count MLPs of a layer
    /// @param perToken those that a token takes: the likeliest
    /// @param normalised their weights sum up to 1; else they are probabilities among all
    public record Experts(int count, int perToken, boolean normalised) {
        private static final int COUNT_MAX = 1024;

        public Experts {
            if (count < 1 || count > COUNT_MAX) {
                throw new IllegalArgumentException("expert count " + count + " is not in 1.." + COUNT_MAX);
            }
            if (perToken < 1 || perToken > count) {
                throw new IllegalArgumentException("experts per token " + perToken + " is not in 1.." + count);
            }
        }
    }

    public DecoderTraits {
        layers = List.copyOf(layers);
        finite("embedding scale", embeddingScale);
        finite("attention scale", attentionScale);
        if (!(attentionSoftcap >= 0 && attentionSoftcap < Float.POSITIVE_INFINITY)
                || !(logitSoftcap >= 0 && logitSoftcap < Float.POSITIVE_INFINITY)) {
            throw new IllegalArgumentException("a soft cap is not a finite number from 0 up");
        }
        for (Layer layer : layers) {
            if (layer.window < 0) {
                throw new IllegalArgumentException("sliding window " + layer.window + " is negative");
            }
            if (layer.rotation == Rotation.LOCAL && !(rotary.localTheta >= 1)) {
                throw new IllegalArgumentException("local rotary base " + rotary.localTheta + " is not from 1 up");
            }
        }
    }

    private static void finite(String what, float value) {
        if (!(value > 0 && value < Float.POSITIVE_INFINITY)) {
            throw new IllegalArgumentException(what + " " + value + " is not a finite number above 0");
        }
    }

    /// Llama itself.
    public static DecoderTraits llama(int headDim, int layerCount) {
        return new DecoderTraits(
                Activation.SILU,
                false,
                false,
                false,
                1,
                scaleOf(headDim),
                0,
                0,
                new Rotary(headDim, RopeScaling.none(), 0),
                Collections.nCopies(layerCount, Layer.PLAIN),
                Optional.empty());
    }

    /// What scores are multiplied by where queries have this scalar, which is mostly the head's width.
    static float scaleOf(double queryScalar) {
        return (float) (1 / Math.sqrt(queryScalar));
    }
}
