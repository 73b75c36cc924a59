package io.sluice.demomodel;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;

/// Adam with decoupled weight decay (Loshchilov and Hutter, 2019) and clipping of the gradient's length. Norm weights
/// (one dimension) do not decay. The trainer's thread only.
final class AdamW {
    private static final double FIRST_DECAY = 0.9;
    private static final double SECOND_DECAY = 0.95;
    private static final double EPSILON = 1e-8;
    private static final double WEIGHT_DECAY = 0.1;
    private static final double GRADIENT_LENGTH_MAX = 1;

    private record State(NDArray weight, NDArray mean, NDArray meanSquare) {}

    private final List<State> states = new ArrayList<>();
    private int stepCount;

    AdamW(NDManager memory, Collection<NDArray> weights) {
        for (NDArray weight : weights) {
            states.add(new State(weight, memory.zeros(weight.getShape()), memory.zeros(weight.getShape())));
        }
    }

    /// Moves every weight against its gradient and clears the gradient.
    ///
    /// @return the length of the whole gradient before clipping
    double step(double learningRate) {
        stepCount++;
        try (var scope = new NDScope()) {
            scope.suppressNotUsedWarning();
            double length = Math.sqrt(states.stream()
                    .mapToDouble(
                            state -> state.weight().getGradient().square().sum().getFloat())
                    .sum());
            if (!Double.isFinite(length)) {
                throw new IllegalStateException("the gradient of step " + stepCount + " is " + length);
            }
            double clip = Math.min(1, GRADIENT_LENGTH_MAX / (length + 1e-6));
            for (State state : states) {
                update(state, learningRate, clip);
            }
            return length;
        }
    }

    private void update(State state, double learningRate, double clip) {
        NDArray weight = state.weight();
        NDArray gradient = weight.getGradient();
        NDArray clipped = gradient.mul(clip);
        state.mean().muli(FIRST_DECAY).addi(clipped.mul(1 - FIRST_DECAY));
        state.meanSquare().muli(SECOND_DECAY).addi(clipped.square().mul(1 - SECOND_DECAY));
        double meanBias = 1 - Math.pow(FIRST_DECAY, stepCount);
        double squareBias = 1 - Math.pow(SECOND_DECAY, stepCount);
        NDArray direction = state.mean()
                .div(meanBias)
                .div(state.meanSquare().div(squareBias).sqrt().addi(EPSILON));
        if (weight.getShape().dimension() > 1) {
            weight.muli(1 - learningRate * WEIGHT_DECAY);
        }
        weight.subi(direction.muli(learningRate));
        gradient.muli(0);
    }
}
