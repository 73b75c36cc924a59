package io.sluice.batching;

import java.util.Arrays;

/// A constraint without any sense whose every answer depends on all tokens accepted so far: whoever accepts
/// one twice, or not at all, is led elsewhere. Now and then nothing can follow.
record SimulatedConstraint(long seed, int vocabSize) implements TokenConstraint {

    @Override
    public Progress begin() {
        return new Way();
    }

    private final class Way implements Progress {
        private long state = UnbatchedModel.mix(seed);

        @Override
        public void fill(long[] mask) {
            Arrays.fill(mask, 0);
            if (Long.remainderUnsigned(state, 797) == 0) return;
            for (int token = 0; token < vocabSize; token++) {
                if ((UnbatchedModel.mix(state + token) & 1) == 0) mask[token >> 6] |= 1L << token;
            }
        }

        @Override
        public boolean accept(int token) {
            state = UnbatchedModel.mix(state * 31 + token + 1);
            return Long.remainderUnsigned(state, 801) != 0;
        }

        @Override
        public void moveTo(Progress other) {
            state = ((Way) other).state;
        }

        @Override
        public boolean isComplete() {
            return Long.remainderUnsigned(state, 3) == 0;
        }

        @Override
        public boolean isOver() {
            return Long.remainderUnsigned(state, 240) == 0;
        }
    }
}
