package io.sluice.modelstore.grammar;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Writes numbers of a schema as a grammar: those within limits digit by digit. One thread.
final class SchemaNumbers {
    private static final int DIVISOR_MAX = 1_000;

    /// More than double precision has: to divide numbers of millions of digits takes hours.
    private static final int SCALE_MAX = 400;

    private final SchemaFacets facets;
    private final Rules rules;

    SchemaNumbers(SchemaFacets facets, Rules rules) {
        this.facets = facets;
        this.rules = rules;
    }

    Expression expression(boolean whole) {
        Dfa texts = texts(whole);
        if (texts != null) return new Expression.Text(texts);
        return whole ? rules.integer() : rules.number();
    }

    /// True if the limits allow it; its type is another matter.
    boolean allows(BigDecimal number) {
        return facets.numbers("minimum").stream().allMatch(limit -> number.compareTo(limit) >= 0)
                && facets.numbers("exclusiveMinimum").stream().allMatch(limit -> number.compareTo(limit) > 0)
                && facets.numbers("maximum").stream().allMatch(limit -> number.compareTo(limit) <= 0)
                && facets.numbers("exclusiveMaximum").stream().allMatch(limit -> number.compareTo(limit) < 0)
                && facets.numbers("multipleOf").stream().allMatch(divisor -> isMultiple(number, divisor));
    }

    private static boolean isMultiple(BigDecimal number, BigDecimal divisor) {
        for (BigDecimal operand : List.of(number, divisor)) {
            if (Math.abs((long) operand.scale()) <= SCALE_MAX) continue;
            throw new GrammarException(
                    "the schema's multipleOf beside values with more than " + SCALE_MAX + " digits is not supported");
        }
        return divisor.signum() > 0 && number.remainder(divisor).signum() == 0;
    }

    /// The texts of the numbers within all limits; null if there are none.
    private @Nullable Dfa texts(boolean whole) {
        List<Dfa> limits = new ArrayList<>();
        for (BigDecimal limit : facets.numbers("minimum")) limits.add(NumberTexts.atLeast(limit, false));
        for (BigDecimal limit : facets.numbers("exclusiveMinimum")) limits.add(NumberTexts.atLeast(limit, true));
        for (BigDecimal limit : facets.numbers("maximum")) limits.add(NumberTexts.atMost(limit, false));
        for (BigDecimal limit : facets.numbers("exclusiveMaximum")) limits.add(NumberTexts.atMost(limit, true));
        for (BigDecimal divisor : facets.numbers("multipleOf")) limits.add(multiples(divisor));
        // Who divides in double precision shall find the same remainder.
        if (!facets.numbers("multipleOf").isEmpty()) limits.add(NumberTexts.exact());
        if (limits.isEmpty()) return null;
        Dfa texts = NumberTexts.all(whole);
        for (Dfa limit : limits) texts = texts.and(limit);
        return texts;
    }

    private static Dfa multiples(BigDecimal divisor) {
        BigDecimal plain = divisor.stripTrailingZeros();
        if (plain.signum() > 0 && plain.scale() <= 0 && plain.compareTo(BigDecimal.valueOf(DIVISOR_MAX)) <= 0) {
            return wholeMultiples(plain.intValueExact());
        }
        boolean decimals = plain.signum() > 0 && plain.unscaledValue().intValue() == 1 && plain.precision() == 1;
        if (decimals && plain.scale() > 0 && plain.scale() <= 20) return NumberTexts.decimals(plain.scale());
        throw new GrammarException("the schema's multipleOf " + divisor + " is not supported: it must be a whole number"
                + " up to " + DIVISOR_MAX + ", or 0.1, 0.01 and so on");
    }

    /// Reads digits and knows the remainder: state 0 is the start, 1 comes after the sign, then one per
    /// remainder.
    private static Dfa wholeMultiples(int divisor) {
        List<int[]> transitions = new ArrayList<>();
        int[] fromStart = digits(0, divisor, 1);
        fromStart[0] = '-';
        fromStart[1] = '-';
        fromStart[2] = 1;
        transitions.add(fromStart);
        transitions.add(digits(0, divisor, 0));
        for (int remainder = 0; remainder < divisor; remainder++) transitions.add(digits(remainder, divisor, 0));
        BitSet accepting = new BitSet();
        accepting.set(2);
        return new Dfa(transitions, accepting);
    }

    /// @param before room for so many transitions before the digits'
    private static int[] digits(int remainder, int divisor, int before) {
        int[] edges = new int[3 * (10 + before)];
        for (int digit = 0; digit < 10; digit++) {
            int at = 3 * (digit + before);
            edges[at] = '0' + digit;
            edges[at + 1] = '0' + digit;
            edges[at + 2] = 2 + (10 * remainder + digit) % divisor;
        }
        return edges;
    }
}
