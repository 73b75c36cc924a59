package io.sluice.demomodel;

import ai.djl.ndarray.NDManager;
import io.sluice.modelstore.ModelConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;

/// Makes the embedded demo model: text, tokenizer, training, model folder, model card. One command, one thread.
///
/// Arguments: the repository's root; then perhaps `continue`, to go on after the last finished stage.
final class TrainDemoModel {
    private static final long SEED = 20261123;
    private static final int CHATS = 150_000;
    private static final int VALIDATION_CHATS = 1_000;
    private static final int BATCH_TOKENS = 512;
    private static final int REPORT_STEPS = 50;
    private static final int CHECKPOINT_STEPS = 250;
    private static final int ANSWER_TOKENS_MAX = 200;
    private static final List<String> CHECKPOINT_PROMPTS =
            List.of("Tell me a story about a fox named Pip.", "What is 7 + 8?", "What is Sluice?", "Do you like soup?");

    /// A rise and fall of the learning rate. A stage begins with a fresh optimizer and with weights rounded to
    /// bfloat16, so that the files of the stage before are all it needs.
    record Stage(int steps, double learningRate) {}

    static final List<Stage> STAGES = List.of(new Stage(2_000, 2.5e-3), new Stage(1_800, 2e-3));

    static final ModelConfig SHAPE =
            new ModelConfig("LlamaForCausalLM", 2048, 192, 5, 6, 2, 32, 512, 1e-5f, 10_000f, 1024, true);

    private final DemoModelFolder folder; // what is shipped
    private final Path work; // checkpoints and all answers
    private final DemoTokenizer tokenizer;
    private final NDManager memory;
    private final LlamaWeights weights;
    private final LlamaGraph graph;
    private final List<Batches.Batch> validation;

    private TrainDemoModel(
            DemoModelFolder folder, Path work, DemoTokenizer tokenizer, NDManager memory, LlamaWeights weights) {
        this.folder = folder;
        this.work = work;
        this.tokenizer = tokenizer;
        this.memory = memory;
        this.weights = weights;
        this.graph = new LlamaGraph(memory, weights);
        var unseen = new TrainingText(SEED + 1, VALIDATION_CHATS, HeldOutPrompts.none());
        this.validation = Batches.batches(encode(unseen), BATCH_TOKENS);
    }

    public static void main(String[] args) throws IOException {
        Path root = Path.of(args[0]);
        boolean goOn = args.length > 1 && args[1].equals("continue");
        var folder = new DemoModelFolder(root.resolve("model-store/src/main/resources/io/sluice/modelstore/demo"));
        Path work = Files.createDirectories(root.resolve("benchmarks/target/demo-model"));
        TrainingText text = text();
        say("text: %d conversations, sha256 %s".formatted(text.chats().size(), text.sha256()));
        writeAllButWeights(text, folder);
        try (var tokenizer = new DemoTokenizer(folder.path());
                NDManager memory = NDManager.newBaseManager();
                var weights = new LlamaWeights(memory, SHAPE, new SplittableRandom(SEED))) {
            Progress progress = Progress.NONE;
            if (goOn) {
                progress = Progress.read(work.resolve("progress.json"));
                weights.read(folder);
            }
            var card = new TrainDemoModel(folder, work, tokenizer, memory, weights).make(text, progress);
            Files.writeString(work.resolve("held-out-answers.txt"), card.allAnswers());
            Files.writeString(root.resolve("docs/demo-model.md"), card.text(folder));
            say(card.summary());
        }
    }

    /// The text that the model learns from.
    static TrainingText text() {
        return new TrainingText(SEED, CHATS, HeldOutPrompts.load());
    }

    static void writeAllButWeights(TrainingText text, DemoModelFolder folder) throws IOException {
        folder.writeTokenizer(
                BpeTrainer.train(text.words(), DemoTokenizer.SPECIALS, SHAPE.vocabSize()), SHAPE.contextMax());
        folder.writeConfig(SHAPE);
    }

    private ModelCard make(TrainingText text, Progress begun) throws IOException {
        List<DemoTokenizer.Encoded> encoded = encode(text);
        long corpusTokens = encoded.stream().mapToLong(one -> one.ids().length).sum();
        say("%d tokens, %d parameters".formatted(corpusTokens, weights.parameterCount()));
        var batches = new Batches(encoded, BATCH_TOKENS, SEED);
        for (int i = 0; i < begun.steps() * LlamaTraining.BATCHES_PER_STEP; i++) {
            batches.next(); // learned in the stages before
        }
        Progress progress = begun;
        while (progress.stages() < STAGES.size()) {
            progress = train(STAGES.get(progress.stages()), batches, progress);
            weights.roundToBfloat16();
            folder.writeWeights(weights.byName());
            progress.write(work.resolve("progress.json"));
        }
        var answers = new GreedyAnswers(memory, graph, tokenizer);
        return new ModelCard(
                new ModelCard.Training(
                        SEED,
                        text.chats().size(),
                        text.sha256(),
                        corpusTokens,
                        weights.parameterCount(),
                        progress,
                        LlamaTraining.loss(memory, graph, validation)),
                answers.answer(HeldOutPrompts.load().prompts(), ANSWER_TOKENS_MAX),
                Arithmetic.measure(answers));
    }

    private Progress train(Stage stage, Batches batches, Progress before) throws IOException {
        var training = new LlamaTraining(memory, weights, graph, batches, stage.learningRate(), stage.steps());
        var checkpoint = new DemoModelFolder(work);
        long start = System.nanoTime();
        long tokens = 0;
        double lossSum = 0;
        double loss = 0;
        for (int step = 1; step <= stage.steps(); step++) {
            LlamaTraining.Step done = training.step();
            tokens += done.tokenCount();
            lossSum += done.loss();
            if (step % REPORT_STEPS == 0) {
                loss = lossSum / REPORT_STEPS;
                lossSum = 0;
                double seconds = (System.nanoTime() - start) / 1e9;
                say("step %d: loss %.4f, %.0f tokens/s, %.0f s".formatted(step, loss, tokens / seconds, seconds));
            }
            if (step % CHECKPOINT_STEPS == 0) {
                checkpoint.writeWeights(weights.byName());
                say("validation loss %.4f".formatted(LlamaTraining.loss(memory, graph, validation)));
                new GreedyAnswers(memory, graph, tokenizer)
                        .answer(CHECKPOINT_PROMPTS, ANSWER_TOKENS_MAX)
                        .forEach(answer -> say("    %s -> %s".formatted(answer.prompt(), answer.text())));
            }
        }
        long seconds = before.seconds() + (System.nanoTime() - start) / 1_000_000_000;
        return new Progress(
                before.stages() + 1, before.steps() + stage.steps(), before.tokens() + tokens, seconds, loss);
    }

    private List<DemoTokenizer.Encoded> encode(TrainingText text) {
        return text.chats().stream()
                .map(tokenizer::encode)
                .filter(one -> one.ids().length <= SHAPE.contextMax())
                .toList();
    }

    private static void say(String line) {
        System.out.println(line); // a command-line program
    }
}
