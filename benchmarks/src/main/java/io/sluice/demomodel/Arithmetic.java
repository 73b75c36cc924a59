package io.sluice.demomodel;

import java.util.ArrayList;
import java.util.List;

/// How many sums the model gets right: every one of a table, asked in digits. Stateless.
final class Arithmetic {
    private static final int ANSWER_TOKENS_MAX = 24;

    /// @param kind as the card names it
    record Score(String kind, int right, int asked) {}

    private record Sum(String question, String answer) {}

    private Arithmetic() {}

    static List<Score> measure(GreedyAnswers answers) {
        var plus = new ArrayList<Sum>();
        var minus = new ArrayList<Sum>();
        var times = new ArrayList<Sum>();
        var large = new ArrayList<Sum>();
        for (int a = 0; a <= 20; a++) {
            for (int b = 0; b <= 20; b++) {
                plus.add(new Sum("What is %d + %d?".formatted(a, b), "= %d.".formatted(a + b)));
                if (b <= a) {
                    minus.add(new Sum("What is %d - %d?".formatted(a, b), "= %d.".formatted(a - b)));
                }
                if (a <= 10 && b <= 10) {
                    times.add(new Sum("What is %d * %d?".formatted(a, b), "= %d.".formatted(a * b)));
                    large.add(new Sum(
                            "What is %d + %d?".formatted(21 + 7 * a, 23 + 5 * b),
                            "= %d.".formatted(44 + 7 * a + 5 * b)));
                }
            }
        }
        return List.of(
                score("a + b, both 0 to 20", plus, answers),
                score("a - b, 0 <= b <= a <= 20", minus, answers),
                score("a * b, both 0 to 10", times, answers),
                score("a + b, both above 20 (never trained)", large, answers));
    }

    private static Score score(String kind, List<Sum> sums, GreedyAnswers answers) {
        List<GreedyAnswers.Answer> given =
                answers.answer(sums.stream().map(Sum::question).toList(), ANSWER_TOKENS_MAX);
        int right = 0;
        for (int i = 0; i < sums.size(); i++) {
            right += given.get(i).text().endsWith(sums.get(i).answer()) ? 1 : 0;
        }
        return new Score(kind, right, sums.size());
    }
}
