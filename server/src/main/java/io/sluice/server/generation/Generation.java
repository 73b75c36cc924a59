package io.sluice.server.generation;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// An admitted request on its way: the texts of all its choices, as they grow. `next` and `usage` belong to one thread;
/// any thread may `cancel`. Closing gives up what has not ended.
public final class Generation implements AutoCloseable {

    /// With several choices the reader waits for one and looks at all; this is how long the others can be overlooked.
    private static final Duration GLANCE = Duration.ofMillis(20);

    /// A choice that met a stop text ends in the engine within a step; how long its figures are worth waiting for.
    private static final Duration LAST_FIGURES = Duration.ofSeconds(1);

    private final List<Choice> choices;
    private final int promptCount;
    private final int promptTokens;
    private final GenerationMeter meter;
    private final long startNs = System.nanoTime();
    private final long[] latestNewsNs; // [choice]; 0 before the first token
    private boolean anyToken;
    private boolean completed;

    Generation(List<Choice> choices, int promptCount, int promptTokens, GenerationMeter meter) {
        this.choices = List.copyOf(choices);
        this.promptCount = promptCount;
        this.promptTokens = promptTokens;
        this.meter = meter;
        this.latestNewsNs = new long[choices.size()];
    }

    public int choiceCount() {
        return choices.size();
    }

    /// News of any choice, at most one piece each; waits for them up to `patience`, and is empty after that.
    public List<Delta> next(Duration patience) throws InterruptedException {
        long deadlineNs = System.nanoTime() + patience.toNanos();
        while (true) {
            List<Delta> news = look();
            long leftNs = deadlineNs - System.nanoTime();
            Choice waitingFor = firstUnfinished();
            if (!news.isEmpty() || waitingFor == null || leftNs <= 0) return news;
            Duration left = Duration.ofNanos(leftNs);
            waitingFor.await(choices.size() == 1 || left.compareTo(GLANCE) < 0 ? left : GLANCE);
        }
    }

    public boolean isFinished() {
        return firstUnfinished() == null;
    }

    /// What the request took, once it is finished.
    public Usage usage() throws InterruptedException {
        int cached = 0;
        int completion = 0;
        int choicesPerPrompt = choices.size() / promptCount;
        for (int i = 0; i < choices.size(); i++) {
            Choice choice = choices.get(i);
            choice.awaitEnding(LAST_FIGURES);
            completion += choice.tokensUsed();
            // All choices of a prompt share its computation: the first one's figure stands for it.
            if (i % choicesPerPrompt == 0) cached += choice.cachedTokens();
        }
        return new Usage(promptTokens, cached, completion);
    }

    /// Gives everything up: the choices end as cancelled. Any thread.
    public void cancel() {
        choices.forEach(Choice::cancel);
    }

    @Override
    public void close() {
        cancel();
    }

    private List<Delta> look() throws InterruptedException {
        List<Delta> news = new ArrayList<>();
        for (int i = 0; i < choices.size(); i++) {
            Choice choice = choices.get(i);
            int before = choice.tokensRead();
            Delta delta = choice.read();
            if (delta == null) continue;
            news.add(delta);
            count(i, choice.tokensRead() - before, delta.finish());
        }
        if (!news.isEmpty() && isFinished() && !completed) {
            completed = true;
            meter.completed(usage(), System.nanoTime() - startNs);
        }
        return news;
    }

    private void count(int choice, int tokens, @Nullable Finish finish) {
        long nowNs = System.nanoTime();
        if (tokens > 0) {
            if (!anyToken) meter.firstToken(nowNs - startNs);
            anyToken = true;
            int further = latestNewsNs[choice] == 0 ? tokens - 1 : tokens;
            if (further > 0 && latestNewsNs[choice] != 0) meter.furtherTokens(further, nowNs - latestNewsNs[choice]);
            latestNewsNs[choice] = nowNs;
        }
        if (finish != null) meter.finished(finish);
    }

    private @Nullable Choice firstUnfinished() {
        for (Choice choice : choices) {
            if (!choice.isFinished()) return choice;
        }
        return null;
    }
}
