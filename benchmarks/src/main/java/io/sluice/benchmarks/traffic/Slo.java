package io.sluice.benchmarks.traffic;

import java.time.Duration;
import java.util.Locale;

/// When a served request was served as promised. A value.
public sealed interface Slo {

    /// Whether an answer that came whole came as promised.
    boolean isMet(Timing timing);

    /// The same with a harder view of gaps between tokens: 99 % of a request's own gaps, not their mean.
    boolean isMetStrictly(Timing timing);

    /// For somebody who reads the words: the first one must come soon, the others must keep coming.
    record Stream(Duration firstToken, Duration gap) implements Slo {
        @Override
        public boolean isMet(Timing timing) {
            return isInTime(timing) && timing.meanGapNs() <= gap.toNanos();
        }

        @Override
        public boolean isMetStrictly(Timing timing) {
            return isInTime(timing) && timing.p99GapNs() <= gap.toNanos();
        }

        private boolean isInTime(Timing timing) {
            return timing.firstTokenNs() <= firstToken.toNanos();
        }

        @Override
        public String toString() {
            return String.format(Locale.ROOT, "TTFT %s, ITL %s", Amounts.duration(firstToken), Amounts.duration(gap));
        }
    }

    /// For somebody who waits for the whole answer: so much time for each thousand output tokens begun.
    record WholeAnswer(Duration perThousandTokens) implements Slo {
        @Override
        public boolean isMet(Timing timing) {
            long thousands = Math.ceilDiv(timing.tokens(), 1000);
            return timing.lastTokenNs() <= thousands * perThousandTokens.toNanos();
        }

        @Override
        public boolean isMetStrictly(Timing timing) {
            return isMet(timing);
        }

        @Override
        public String toString() {
            return String.format(
                    Locale.ROOT, "%s for each 1,000 output tokens begun", Amounts.duration(perThousandTokens));
        }
    }
}
