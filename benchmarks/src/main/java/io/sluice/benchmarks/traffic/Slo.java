package io.sluice.benchmarks.traffic;

import java.time.Duration;
import java.util.Locale;

/// When a served request was served as promised. A value.
sealed interface Slo {

    /// Whether the request, all of whose tokens came, was served as promised.
    boolean isMet(Outcome.Served served);

    /// The same with a harder view of gaps between tokens: 99 % of a request's own gaps, not their mean.
    boolean isMetStrictly(Outcome.Served served);

    /// For somebody who reads the words: the first one must come soon, the others must keep coming.
    record Stream(Duration firstToken, Duration gap) implements Slo {
        @Override
        public boolean isMet(Outcome.Served served) {
            return isInTime(served) && served.meanGapNs() <= gap.toNanos();
        }

        @Override
        public boolean isMetStrictly(Outcome.Served served) {
            return isInTime(served) && served.p99GapNs() <= gap.toNanos();
        }

        private boolean isInTime(Outcome.Served served) {
            return served.firstTokenNs() <= firstToken.toNanos();
        }

        @Override
        public String toString() {
            return String.format(Locale.ROOT, "TTFT %s, ITL %s", Amounts.duration(firstToken), Amounts.duration(gap));
        }
    }

    /// For somebody who waits for the whole answer: so much time for each thousand output tokens begun.
    record WholeAnswer(Duration perThousandTokens) implements Slo {
        @Override
        public boolean isMet(Outcome.Served served) {
            long thousands = Math.ceilDiv(served.tokens(), 1000);
            return served.lastTokenNs() <= thousands * perThousandTokens.toNanos();
        }

        @Override
        public boolean isMetStrictly(Outcome.Served served) {
            return isMet(served);
        }

        @Override
        public String toString() {
            return String.format(
                    Locale.ROOT, "%s for each 1,000 output tokens begun", Amounts.duration(perThousandTokens));
        }
    }
}
