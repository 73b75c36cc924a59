package io.sluice.server.generation;

import static java.lang.System.Logger.Level.ERROR;

import io.sluice.batching.TokenConstraint;
import io.sluice.modelstore.grammar.CompiledGrammar;
import io.sluice.modelstore.grammar.GrammarException;
import io.sluice.modelstore.grammar.GrammarState;
import java.util.Arrays;

/// A compiled grammar as the engine wants it. Whatever goes wrong in following it ends one output, not the
/// engine: from then on nothing can follow. Any thread; each `Progress` is one thread's.
record GrammarConstraint(CompiledGrammar grammar) implements TokenConstraint {
    private static final System.Logger LOG = System.getLogger(GrammarConstraint.class.getName());

    @Override
    public Progress begin() {
        return new Way(grammar.begin());
    }

    private static final class Way implements Progress {
        private final GrammarState state;
        private boolean lost;

        Way(GrammarState state) {
            this.state = state;
        }

        @Override
        public void fill(long[] mask) {
            try {
                if (!lost) state.fill(mask);
            } catch (RuntimeException e) {
                lose(e);
            }
            if (lost) Arrays.fill(mask, 0);
        }

        @Override
        public boolean accept(int token) {
            try {
                if (!lost && !state.accept(token)) lost = true;
            } catch (RuntimeException e) {
                lose(e);
            }
            return !lost;
        }

        /// A grammar that is too ambiguous is its author's business; anything else is a bug of ours.
        private void lose(RuntimeException failure) {
            lost = true;
            if (!(failure instanceof GrammarException)) LOG.log(ERROR, "a grammar could not be followed", failure);
        }

        @Override
        public void moveTo(Progress other) {
            Way its = (Way) other;
            state.moveTo(its.state);
            lost = its.lost;
        }

        @Override
        public boolean isComplete() {
            return !lost && state.isComplete();
        }

        @Override
        public boolean isOver() {
            return !lost && state.isOver();
        }
    }
}
