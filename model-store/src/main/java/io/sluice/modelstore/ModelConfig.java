package io.sluice.modelstore;

/// The shape of a decoder-only transformer of the Llama family. A value; the constructor checks that the shape is
/// possible.
///
/// @param architecture as the file names it, for messages
/// @param vocabSize rows of the embedding
/// @param hiddenSize width of the residual stream
/// @param layerCount transformer layers
/// @param headCount query heads
/// @param kvHeadCount key and value heads; divides `headCount`
/// @param headDim width of one head
/// @param intermediateSize width of the SwiGLU
/// @param rmsNormEps added to the mean square
/// @param ropeTheta base of the rotary frequencies
/// @param contextMax positions the model was trained for
/// @param tiedHead the output head is the embedding
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
        boolean tiedHead) {}
