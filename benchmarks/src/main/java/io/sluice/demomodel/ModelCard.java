package io.sluice.demomodel;

import io.sluice.modelstore.ModelConfig;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/// Fills the model card's page (`model-card.md`) with what was measured. A value.
record ModelCard(Training training, List<GreedyAnswers.Answer> answers, List<Arithmetic.Score> scores) {
    private static final int SHOWN = 20;

    /// What went into the model and what came out.
    record Training(
            long seed,
            int chatCount,
            String textSha256,
            long corpusTokens,
            long parameterCount,
            Progress progress,
            double validationLoss) {}

    String text(DemoModelFolder folder) {
        ModelConfig shape = TrainDemoModel.SHAPE;
        return Grammar.text("model-card.md")
                .replace("${seed}", String.valueOf(training.seed()))
                .replace("${chats}", number(training.chatCount()))
                .replace("${textSha256}", training.textSha256())
                .replace("${corpusTokens}", number(training.corpusTokens()))
                .replace("${parameters}", number(training.parameterCount()))
                .replace("${layers}", String.valueOf(shape.layerCount()))
                .replace("${hidden}", String.valueOf(shape.hiddenSize()))
                .replace("${heads}", String.valueOf(shape.headCount()))
                .replace("${kvHeads}", String.valueOf(shape.kvHeadCount()))
                .replace("${headDim}", String.valueOf(shape.headDim()))
                .replace("${intermediate}", String.valueOf(shape.intermediateSize()))
                .replace("${vocab}", number(shape.vocabSize()))
                .replace("${context}", number(shape.contextMax()))
                .replace("${steps}", number(training.progress().steps()))
                .replace("${tokens}", number(training.progress().tokens()))
                .replace("${stages}", stages())
                .replace("${trainingLoss}", "%.3f".formatted(training.progress().trainingLoss()))
                .replace("${validationLoss}", "%.3f".formatted(training.validationLoss()))
                .replace("${minutes}", String.valueOf(training.progress().seconds() / 60))
                .replace("${stopped}", String.valueOf(stoppedCount()))
                .replace("${asked}", String.valueOf(answers.size()))
                .replace("${size}", number(folder.size()))
                .replace("${files}", files(folder))
                .replace("${scores}", scoreRows())
                .replace("${answers}", shownAnswers());
    }

    private static String stages() {
        return TrainDemoModel.STAGES.stream()
                .map(stage -> "%s steps to %s".formatted(number(stage.steps()), stage.learningRate()))
                .collect(Collectors.joining(", then "));
    }

    private long stoppedCount() {
        return answers.stream()
                .filter(answer -> answer.stopped() && !answer.text().isBlank())
                .count();
    }

    private static String files(DemoModelFolder folder) {
        return DemoModelFolder.FILES.stream()
                .map(file -> "| `%s` | `%s` |".formatted(file, folder.sha256(file)))
                .collect(Collectors.joining("\n"));
    }

    private String scoreRows() {
        return scores.stream()
                .map(score -> "| %s | %d of %d |".formatted(score.kind(), score.right(), score.asked()))
                .collect(Collectors.joining("\n"));
    }

    /// Every fifth answer: none was chosen for being good.
    private String shownAnswers() {
        int every = answers.size() / SHOWN;
        return IntStream.range(0, SHOWN)
                .mapToObj(i -> answers.get(i * every))
                .map(answer -> "> **%s**\n>\n> %s%s\n"
                        .formatted(answer.prompt(), answer.text(), answer.stopped() ? "" : " *(cut)*"))
                .collect(Collectors.joining("\n"));
    }

    /// All answers as plain text, for a reader to judge.
    String allAnswers() {
        return answers.stream()
                .map(answer -> "%s %s\n    %s\n"
                        .formatted(answer.stopped() ? "[stopped]" : "[CUT]", answer.prompt(), answer.text()))
                .collect(Collectors.joining());
    }

    String summary() {
        return "%d of %d held-out prompts stopped; %s".formatted(stoppedCount(), answers.size(), scores);
    }

    private static String number(long value) {
        return String.format(Locale.ROOT, "%,d", value);
    }
}
