package io.sluice.demomodel;

import java.util.List;
import java.util.random.RandomGenerator;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/// Invents small sums and their answers: numbers to 20 mostly, in digits and in words. Stateless.
final class Sums {
    private static final List<String> BELOW_TWENTY = List.of(
            "zero",
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
            "thirteen",
            "fourteen",
            "fifteen",
            "sixteen",
            "seventeen",
            "eighteen",
            "nineteen");
    private static final List<String> TENS =
            List.of("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety");
    private static final List<String> THINGS = List.of(
            "apples", "books", "coins", "eggs", "stones", "balls", "pencils", "cookies", "flowers", "shells", "stamps",
            "nuts");

    private final Grammar names;

    Sums(Grammar names) {
        this.names = names;
    }

    /// A question about numbers, with its answer.
    Chat.Turn turn(RandomGenerator random) {
        return switch (random.nextInt(16)) {
            case 0, 1, 2, 3 -> plus(random);
            case 4, 5, 6 -> minus(random);
            case 7, 8 -> times(random);
            case 9, 10 -> wordProblem(random);
            case 11 -> compare(random);
            case 12 -> count(random);
            case 13 -> neighbour(random);
            case 14 -> parity(random);
            default -> doubleOrHalf(random);
        };
    }

    /// A number below 100 in words.
    static String words(int number) {
        if (number < 20) {
            return BELOW_TWENTY.get(number);
        }
        String tens = TENS.get(number / 10);
        return number % 10 == 0 ? tens : tens + "-" + BELOW_TWENTY.get(number % 10);
    }

    private static Chat.Turn plus(RandomGenerator random) {
        int a = random.nextInt(21);
        int b = random.nextInt(21);
        return switch (random.nextInt(4)) {
            case 0 -> inWords(a, "plus", b, a + b, random);
            case 1 ->
                turn(
                        pick(
                                random,
                                "Add %d and %d.",
                                "What is the sum of %d and %d?",
                                "What do you get if you add %d and %d?"),
                        a,
                        b,
                        a + " + " + b + " = " + (a + b) + ".");
            default -> inDigits(a, pick(random, "+", "+", "plus"), "+", b, a + b, random);
        };
    }

    private static Chat.Turn minus(RandomGenerator random) {
        int a = random.nextInt(21);
        int b = random.nextInt(a + 1);
        return switch (random.nextInt(4)) {
            case 0 -> inWords(a, "minus", b, a - b, random);
            case 1 ->
                turn(
                        pick(
                                random,
                                "Subtract %2$d from %1$d.",
                                "Take %2$d away from %1$d.",
                                "What is left if you take %2$d from %1$d?"),
                        a,
                        b,
                        a + " - " + b + " = " + (a - b) + ".");
            default -> inDigits(a, pick(random, "-", "-", "minus"), "-", b, a - b, random);
        };
    }

    private static Chat.Turn times(RandomGenerator random) {
        int a = random.nextInt(11);
        int b = random.nextInt(11);
        return switch (random.nextInt(4)) {
            case 0 -> inWords(a, "times", b, a * b, random);
            case 1 -> turn("Multiply %d by %d.", a, b, a + " x " + b + " = " + a * b + ".");
            default -> inDigits(a, pick(random, "*", "x", "times"), "x", b, a * b, random);
        };
    }

    private static Chat.Turn inDigits(int a, String asked, String sign, int b, int result, RandomGenerator random) {
        boolean tight = !Character.isLetter(asked.charAt(0)) && random.nextInt(4) == 0;
        String sum = tight ? a + asked + b : a + " " + asked + " " + b;
        String question = pick(
                        random,
                        "What is %s?",
                        "What is %s?",
                        "How much is %s?",
                        "Calculate %s.",
                        "%s",
                        "%s =",
                        "%s = ?",
                        "What's %s?",
                        "Can you tell me what %s is?",
                        "Compute %s.")
                .formatted(sum);
        return new Chat.Turn(question, a + " " + sign + " " + b + " = " + result + ".");
    }

    private static Chat.Turn inWords(int a, String sign, int b, int result, RandomGenerator random) {
        String sum = words(a) + " " + sign + " " + words(b);
        String question =
                pick(random, "What is %s?", "How much is %s?", "What's %s?").formatted(sum);
        String answer = result < 100 ? words(result) : "one hundred";
        return new Chat.Turn(question, capital(sum) + " is " + answer + ".");
    }

    private Chat.Turn wordProblem(RandomGenerator random) {
        String[] hero = names.text("hero*", random).split("/", -1);
        String thing = THINGS.get(random.nextInt(THINGS.size()));
        if (random.nextBoolean()) {
            int a = 1 + random.nextInt(12);
            int b = 1 + random.nextInt(8);
            String question = pick(
                            random,
                            "%s has %d %s and gets %d more. How many %3$s does %s have now?",
                            "%s has %d %s and finds %d more. How many %3$s does %s have?",
                            "%s has %d %s. A friend gives %6$s %4$d more. How many %3$s does %5$s have now?")
                    .formatted(hero[0], a, thing, b, hero[1], hero[2]);
            return new Chat.Turn(
                    question, "%d + %d = %d, so %s has %d %s.".formatted(a, b, a + b, hero[0], a + b, thing));
        }
        int a = 3 + random.nextInt(15);
        int b = 1 + random.nextInt(a - 2);
        String question = pick(
                        random,
                        "%s has %d %s and gives away %d. How many %3$s are left?",
                        "%s has %d %s and loses %d of them. How many %3$s does %s have now?",
                        "%s had %d %s and sold %d. How many %3$s are left?")
                .formatted(hero[0], a, thing, b, hero[1]);
        return new Chat.Turn(
                question, "%d - %d = %d, so %s has %d %s left.".formatted(a, b, a - b, hero[0], a - b, thing));
    }

    private static Chat.Turn compare(RandomGenerator random) {
        int a = random.nextInt(100);
        int b = (a + 1 + random.nextInt(98)) % 100;
        boolean larger = random.nextBoolean();
        int result = larger ? Math.max(a, b) : Math.min(a, b);
        String word = larger ? pick(random, "bigger", "larger", "greater") : pick(random, "smaller", "less");
        String question = pick(
                        random, "Which is %s, %d or %d?", "Which number is %s, %d or %d?", "What is %s, %d or %d?")
                .formatted(word, a, b);
        return new Chat.Turn(question, result + " is " + word + " than " + (a + b - result) + ".");
    }

    private static Chat.Turn count(RandomGenerator random) {
        int from = random.nextBoolean() ? 1 : 1 + random.nextInt(10);
        int to = from + 2 + random.nextInt(9);
        if (random.nextInt(3) == 0) {
            String question = pick(random, "Count down from %d.", "Count backwards from %d.")
                    .formatted(to);
            return new Chat.Turn(
                    question,
                    IntStream.iterate(to, i -> i >= 1, i -> i - 1)
                            .mapToObj(String::valueOf)
                            .collect(Collectors.joining(", ", "", ".")));
        }
        String question = from == 1
                ? pick(random, "Count to %2$d.", "Can you count to %2$d?", "Count from %d to %d.")
                : "Count from %d to %d.";
        return new Chat.Turn(
                question.formatted(from, to),
                IntStream.rangeClosed(from, to).mapToObj(String::valueOf).collect(Collectors.joining(", ", "", ".")));
    }

    private static Chat.Turn neighbour(RandomGenerator random) {
        int n = 1 + random.nextInt(98);
        boolean after = random.nextBoolean();
        String word = after ? "after" : "before";
        String question = pick(
                        random, "What number comes %s %d?", "Which number comes %s %d?", "What is the number %s %d?")
                .formatted(word, n);
        return new Chat.Turn(question, "The number " + word + " " + n + " is " + (after ? n + 1 : n - 1) + ".");
    }

    private static Chat.Turn parity(RandomGenerator random) {
        int n = random.nextInt(100);
        String question = pick(
                        random,
                        "Is %d even or odd?",
                        "Is %d an even number?",
                        "Is %d an odd number?",
                        "Is the number %d odd or even?")
                .formatted(n);
        return new Chat.Turn(question, n + " is " + (n % 2 == 0 ? "even" : "odd") + ".");
    }

    private static Chat.Turn doubleOrHalf(RandomGenerator random) {
        int n = 1 + random.nextInt(20);
        if (random.nextBoolean()) {
            return new Chat.Turn(
                    pick(random, "What is double %d?", "What is twice %d?", "Double the number %d.")
                            .formatted(n),
                    "Double " + n + " is " + 2 * n + ".");
        }
        return new Chat.Turn(
                pick(random, "What is half of %d?", "What is one half of %d?", "Halve the number %d.")
                        .formatted(2 * n),
                "Half of " + 2 * n + " is " + n + ".");
    }

    private static Chat.Turn turn(String question, int a, int b, String answer) {
        return new Chat.Turn(question.formatted(a, b), answer);
    }

    private static String capital(String text) {
        return Character.toUpperCase(text.charAt(0)) + text.substring(1);
    }

    private static String pick(RandomGenerator random, String... from) {
        return from[random.nextInt(from.length)];
    }
}
