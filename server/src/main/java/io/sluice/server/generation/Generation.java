package io.sluice.server.generation;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// An admitted request on its way: the texts of all its choices, as they grow. `next`, `usage` and `close` belong to
/// one thread; any thread may `cancel` and `revoke`. Closing gives up what has not ended.
public final class Generation implements AutoCloseable {

    /// With several choices the reader waits for one and looks at all; this is how long the others can be overlooked.
    private static final Duration GLANCE = Duration.ofMillis(20);

    /// A choice that met a stop text ends in the engine within a step; how long its figures are worth waiting for.
    private static final Duration LAST_FIGURES = Duration.ofSeconds(1);

    private final List<Choice> choices;
    private final int promptCount;
    private final int promptTokens;
    private final RequestMeter meter;
    private final long startNs = System.nanoTime();
    private final long[] latestNewsNs; // [choice]; 0 before the first token
    private boolean anyToken;
    private boolean ended; // the meter knows
    private volatile boolean revoked;

    Generation(List<Choice> choices, int promptCount, int promptTokens, RequestMeter meter) {
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
        awaitEndings();
        return figures();
    }

    private void awaitEndings() throws InterruptedException {
        long deadlineNs = System.nanoTime() + LAST_FIGURES.toNanos();
        for (Choice choice : choices) choice.awaitEnding(deadlineNs);
    }

    private Usage figures() {
        int cached = 0;
        int completion = 0;
        int choicesPerPrompt = choices.size() / promptCount;
        for (int i = 0; i < choices.size(); i++) {
            Choice choice = choices.get(i);
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

    /// Gives everything up for the sake of its caller's key: the choices end as revoked. Any thread.
    void revoke() {
        revoked = true;
        cancel();
    }

    @Override
    public void close() {
        for (Choice choice : choices) {
            if (choice.isFinished()) continue;
            choice.cancel();
            meter.finished(new Finish.Cancelled());
        }
        try {
            end();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt(); // the figures at hand were counted
        }
    }

    /// Tells the meter what all of it took, once. What was given up is still being computed when the reader leaves: its
    /// figures come within a step.
    private void end() throws InterruptedException {
        if (ended) return;
        ended = true;
        InterruptedException interrupted = null;
        try {
            awaitEndings();
        } catch (InterruptedException e) {
            interrupted = e;
        }
        meter.ended(figures());
        if (interrupted != null) throw interrupted;
    }

    private List<Delta> look() throws InterruptedException {
        List<Delta> news = new ArrayList<>();
        for (int i = 0; i < choices.size(); i++) {
            Choice choice = choices.get(i);
            int before = choice.tokensRead();
            Delta delta = choice.read();
            if (delta == null) continue;
            if (revoked && delta.finish() instanceof Finish.Cancelled) delta = delta.endedBy(new Finish.Revoked());
            news.add(delta);
            count(i, choice.tokensRead() - before, delta.finish());
        }
        if (!news.isEmpty() && isFinished() && !ended) {
            meter.completed(System.nanoTime() - startNs);
            end();
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
