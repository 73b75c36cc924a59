package io.sluice.modelstore;

/// The shape of a decoder-only transformer with RMSNorm, rotary positions and a gated MLP. A value; the
/// constructor checks that the shape is possible, with bounds far above any published model so that a
/// damaged file is found before memory is asked for.
///
/// @param architecture as the file names it, for messages
/// @param vocabSize rows of the embedding
/// @param hiddenSize width of the residual stream
/// @param layerCount transformer layers
/// @param headCount query heads
/// @param kvHeadCount key and value heads; divides `headCount`
/// @param headDim width of one head; even, because rotary positions turn pairs
/// @param intermediateSize width of the gated MLP, or of one expert
/// @param rmsNormEps added to the mean square
/// @param ropeTheta base of the rotary frequencies
/// @param contextMax positions the model was trained for
/// @param tiedHead the output head is the embedding
/// @param traits what it does in other ways than Llama
public record ModelConfig(
        String architecture,
        int vocabSize,
        int hiddenSize,
        int layerCount,
        int headCount,
        int kvHeadCount,
        int headDim,
        int intermediateSize,
        float rmsNormEps,
        float ropeTheta,
        int contextMax,
        boolean tiedHead,
        DecoderTraits traits) {

    static final int VOCAB_MAX = 1 << 22;
    private static final int WIDTH_MAX = 1 << 20;
    static final int LAYERS_MAX = 1 << 10;
    private static final int HEADS_MAX = 1 << 12;
    private static final int HEAD_DIM_MAX = 1 << 10;
    private static final int CONTEXT_MAX = 1 << 28;

    /// @throws IllegalArgumentException if the shape is impossible, in one line
    public ModelConfig {
        within("vocabulary size", vocabSize, VOCAB_MAX);
        within("hidden size", hiddenSize, WIDTH_MAX);
        within("layer count", layerCount, LAYERS_MAX);
        within("head count", headCount, HEADS_MAX);
        within("key-value head count", kvHeadCount, HEADS_MAX);
        within("head size", headDim, HEAD_DIM_MAX);
        within("intermediate size", intermediateSize, WIDTH_MAX);
        within("context length", contextMax, CONTEXT_MAX);
        if (headCount % kvHeadCount != 0) {
            throw new IllegalArgumentException(
                    "head count " + headCount + " is not a multiple of key-value head count " + kvHeadCount);
        }
        if (headDim % 2 != 0) {
            throw new IllegalArgumentException("head size " + headDim + " is odd: rotary positions turn pairs");
        }
        within("head count times head size", headCount * headDim, WIDTH_MAX);
        if (!(rmsNormEps > 0 && rmsNormEps < 1)) {
            throw new IllegalArgumentException("RMSNorm epsilon " + rmsNormEps + " is not between 0 and 1");
        }
        if (!(ropeTheta >= 1 && ropeTheta < Float.POSITIVE_INFINITY)) {
            throw new IllegalArgumentException("rotary base " + ropeTheta + " is not a finite number from 1 up");
        }
        requireFitting(headDim, layerCount, contextMax, ropeTheta, traits);
    }

    private static void requireFitting(
            int headDim, int layerCount, int contextMax, float ropeTheta, DecoderTraits traits) {
        if (traits.layers().size() != layerCount) {
            throw new IllegalArgumentException(
                    traits.layers().size() + " layers are described where the model has " + layerCount);
        }
        int rotaryWidth = traits.rotary().width();
        if (rotaryWidth < 2 || rotaryWidth > headDim || rotaryWidth % 2 != 0) {
            throw new IllegalArgumentException(
                    "rotary width " + rotaryWidth + " is not an even number from 2 to the head size " + headDim);
        }
        for (int served : new int[] {1, contextMax}) { // the frequencies may depend on how long a context is served
            for (float frequency : traits.rotary().scaling().frequencies(rotaryWidth, ropeTheta, served)) {
                if (!Float.isFinite(frequency)) {
                    throw new IllegalArgumentException("rope scaling gives the rotary frequency " + frequency);
                }
            }
        }
    }

    /// A model that does everything as Llama does.
    public ModelConfig(
            String architecture,
            int vocabSize,
            int hiddenSize,
            int layerCount,
            int headCount,
            int kvHeadCount,
            int headDim,
            int intermediateSize,
            float rmsNormEps,
            float ropeTheta,
            int contextMax,
            boolean tiedHead) {
        this(
                architecture,
                vocabSize,
                hiddenSize,
                layerCount,
                headCount,
                kvHeadCount,
                headDim,
                intermediateSize,
                rmsNormEps,
                ropeTheta,
                contextMax,
                tiedHead,
                DecoderTraits.llama(
                        within("head size", headDim, HEAD_DIM_MAX), within("layer count", layerCount, LAYERS_MAX)));
    }

    /// True if the model does nothing in other ways than Llama.
    public boolean isLlama() {
        return traits.equals(DecoderTraits.llama(headDim, layerCount));
    }

    private static int within(String what, int value, int max) {
        if (value < 1 || value > max) {
            throw new IllegalArgumentException(what + " " + value + " is not in 1.." + max);
        }
        return value;
    }
}
