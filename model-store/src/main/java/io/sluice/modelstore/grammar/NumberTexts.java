package io.sluice.modelstore.grammar;

import static io.sluice.modelstore.grammar.Regex.concat;
import static io.sluice.modelstore.grammar.Regex.literal;
import static io.sluice.modelstore.grammar.Regex.range;
import static io.sluice.modelstore.grammar.Regex.repeat;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.ArrayList;
import java.util.List;

/// Decimal numbers above or below a limit, as automata that compare digit by digit. No exponents. Any thread.
final class NumberTexts {
    private static final int WHOLE_DIGITS_MAX = 19;
    private static final int EXACT_DIGITS_MAX = 15;
    private static final int DECIMALS_MAX = 20;
    private static final Regex DIGIT = range('0', '9');
    private static final Regex MINUS = literal("-");
    private static final Regex DECIMALS = repeat(DIGIT, 0, DECIMALS_MAX);
    private static final Regex FRACTION = repeat(concat(literal("."), repeat(DIGIT, 1, DECIMALS_MAX)), 0, 1);
    private static final Regex WHOLE =
            Regex.either(literal("0"), concat(range('1', '9'), repeat(DIGIT, 0, WHOLE_DIGITS_MAX - 1)));
    private static final Regex MAGNITUDE = concat(WHOLE, FRACTION);

    private NumberTexts() {}

    static Dfa all(boolean whole) {
        return Dfa.whole(concat(repeat(MINUS, 0, 1), whole ? WHOLE : MAGNITUDE));
    }

    /// Numbers whose whole part has at most 15 digits: those that double precision has exactly.
    static Dfa exact() {
        Regex whole = Regex.either(literal("0"), concat(range('1', '9'), repeat(DIGIT, 0, EXACT_DIGITS_MAX - 1)));
        return Dfa.whole(concat(repeat(MINUS, 0, 1), whole, FRACTION));
    }

    /// Numbers with at most `count` digits after the point.
    static Dfa decimals(int count) {
        Regex fraction = repeat(concat(literal("."), repeat(DIGIT, 1, count)), 0, 1);
        return Dfa.whole(concat(repeat(MINUS, 0, 1), WHOLE, fraction));
    }

    static Dfa atLeast(BigDecimal limit, boolean strict) {
        return Dfa.whole(atLeast(limit, strict, Regex.EMPTY, MINUS));
    }

    static Dfa atMost(BigDecimal limit, boolean strict) {
        return Dfa.whole(atLeast(limit.negate(), strict, MINUS, Regex.EMPTY));
    }

    /// @param plus how numbers on the limit's positive side begin
    /// @param minus how those on the other side begin
    private static Regex atLeast(BigDecimal given, boolean givenStrict, Regex plus, Regex minus) {
        BigDecimal limit = nearest(given);
        boolean strict = givenStrict && limit.compareTo(given) == 0;
        Magnitude magnitude = Magnitude.of(limit.abs());
        if (limit.signum() > 0) return concat(plus, magnitude.orMore(strict));
        Regex below = concat(minus, magnitude.orLess(strict)); // on the other side, but nearer to zero
        if (limit.signum() == 0) {
            return strict ? concat(plus, magnitude.orMore(true)) : Regex.either(concat(plus, MAGNITUDE), below);
        }
        return Regex.either(concat(plus, MAGNITUDE), below);
    }

    /// The least number that can be written and is not below `limit`; one that is larger than all that can be, if
    /// there is none. However many digits a limit has, no more have to be compared.
    private static BigDecimal nearest(BigDecimal limit) {
        long whole = (long) limit.precision() - limit.scale(); // digits before the point
        if (limit.signum() == 0) return BigDecimal.ZERO;
        if (whole > WHOLE_DIGITS_MAX) return BigDecimal.valueOf(limit.signum()).movePointRight(WHOLE_DIGITS_MAX);
        if (whole < -DECIMALS_MAX) {
            return limit.signum() < 0 ? BigDecimal.ZERO : BigDecimal.ONE.movePointLeft(DECIMALS_MAX);
        }
        return limit.setScale(DECIMALS_MAX, RoundingMode.CEILING);
    }

    /// A limit without its sign.
    ///
    /// @param fraction without zeros at its end
    private record Magnitude(String whole, String fraction) {
        private static Magnitude of(BigDecimal limit) {
            String digits = limit.stripTrailingZeros().toPlainString();
            int point = digits.indexOf('.');
            if (point < 0) return new Magnitude(digits, "");
            return new Magnitude(digits.substring(0, point), digits.substring(point + 1));
        }

        private Regex orMore(boolean strict) {
            List<Regex> options = new ArrayList<>();
            int length = whole.length();
            if (length < WHOLE_DIGITS_MAX) {
                options.add(concat(range('1', '9'), repeat(DIGIT, length, WHOLE_DIGITS_MAX - 1), FRACTION));
            }
            for (int i = 0; i < length; i++) {
                char digit = whole.charAt(i);
                if (digit == '9') continue;
                Regex rest = repeat(DIGIT, length - i - 1, length - i - 1);
                options.add(concat(literal(whole.substring(0, i)), range((char) (digit + 1), '9'), rest, FRACTION));
            }
            options.add(concat(literal(whole), fractionOrMore(strict)));
            return new Regex.Alternatives(options);
        }

        private Regex fractionOrMore(boolean strict) {
            List<Regex> options = new ArrayList<>();
            for (int i = 0; i < fraction.length(); i++) {
                char digit = fraction.charAt(i);
                if (digit == '9') continue;
                Regex prefix = literal("." + fraction.substring(0, i));
                options.add(concat(prefix, range((char) (digit + 1), '9'), DECIMALS));
            }
            Regex equal = literal("." + fraction);
            Regex positive = concat(repeat(literal("0"), 0, DECIMALS_MAX), range('1', '9'), DECIMALS);
            options.add(concat(equal, positive));
            if (!strict) {
                options.add(fraction.isEmpty() ? FRACTION : concat(equal, DECIMALS));
            }
            return new Regex.Alternatives(options);
        }

        private Regex orLess(boolean strict) {
            List<Regex> options = new ArrayList<>();
            int length = whole.length();
            if (length > 1) {
                Regex shorter = concat(range('1', '9'), repeat(DIGIT, 0, length - 2));
                options.add(concat(Regex.either(literal("0"), shorter), FRACTION));
            }
            for (int i = 0; i < length; i++) {
                char digit = whole.charAt(i);
                char least = i == 0 && length > 1 ? '1' : '0';
                if (digit <= least) continue;
                Regex rest = repeat(DIGIT, length - i - 1, length - i - 1);
                options.add(concat(literal(whole.substring(0, i)), range(least, (char) (digit - 1)), rest, FRACTION));
            }
            options.add(concat(literal(whole), fractionOrLess(strict)));
            return new Regex.Alternatives(options);
        }

        private Regex fractionOrLess(boolean strict) {
            List<Regex> options = new ArrayList<>();
            Regex zeros = repeat(literal("0"), 0, DECIMALS_MAX);
            for (int i = 0; i < fraction.length(); i++) {
                char digit = fraction.charAt(i);
                String prefix = fraction.substring(0, i);
                options.add(literal(prefix.isEmpty() ? "" : "." + prefix));
                if (digit > '0') options.add(concat(literal("." + prefix), range('0', (char) (digit - 1)), DECIMALS));
            }
            if (!strict) {
                options.add(literal(fraction.isEmpty() ? "" : "." + fraction));
                options.add(concat(literal("." + fraction), fraction.isEmpty() ? concat(literal("0"), zeros) : zeros));
            }
            return new Regex.Alternatives(options);
        }
    }
}
