package io.sluice.server.generation;

import io.sluice.batching.PromptEmbedding;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// One reader's way through a generation, from its first token: the texts of all its choices, as they grow. Belongs to
/// one thread at a time; any thread may dismiss it.
public final class Reading {

    /// With several choices the reader waits for one and looks at all; this is how long the others can be overlooked.
    private static final Duration GLANCE = Duration.ofMillis(20);

    /// Choices that met a stop text end in the engine within a step; how long their figures are worth waiting for.
    private static final Duration LAST_FIGURES = Duration.ofSeconds(1);

    private final Generation generation;
    private final List<Choice> choices;
    private @Nullable Thread waiting; // the reader, while it waits for news; guarded by this
    private boolean nudged; // it was interrupted; guarded by this
    private boolean dismissed; // guarded by this

    Reading(Generation generation, List<Choice> choices) {
        this.generation = generation;
        this.choices = List.copyOf(choices);
    }

    /// Passes over what was read before. For a fresh reading; it need not have taken over.
    ///
    /// @param tokens of the choice that were read
    /// @param complete all of the choice's text was read
    /// @return false if the choice has no such place
    public boolean skip(int choice, int tokens, boolean complete) {
        return choices.get(choice).skip(tokens, complete);
    }

    /// News of any choice, at most one piece each; waits for them up to `patience`, and is empty after that or when
    /// dismissed. Whoever asks has dealt with the news before.
    public List<Delta> next(Duration patience) throws InterruptedException {
        long deadlineNs = System.nanoTime() + patience.toNanos();
        while (true) {
            List<Delta> news = look();
            long leftNs = deadlineNs - System.nanoTime();
            Choice waitingFor = firstUnfinished();
            if (!news.isEmpty() || waitingFor == null || leftNs <= 0 || isDismissed()) return news;
            reportRead(waitingFor);
            Duration left = Duration.ofNanos(leftNs);
            await(waitingFor, choices.size() == 1 || left.compareTo(GLANCE) < 0 ? left : GLANCE);
        }
    }

    /// How a choice ended; null while it goes on.
    public @Nullable Finish finish(int choice) {
        return choices.get(choice).finish();
    }

    /// The embedding of a choice's prompt, once the choice has ended with an answer; null if none was asked for.
    public @Nullable PromptEmbedding embedding(int choice) {
        return generation.promptReport(choice).orElse(null) instanceof PromptEmbedding report ? report : null;
    }

    /// Output tokens of a choice that were looked at so far.
    public int tokensRead(int choice) {
        return choices.get(choice).tokensRead();
    }

    /// Of all prompts of the request.
    public int promptTokens() {
        return generation.promptTokens();
    }

    public boolean isFinished() {
        return firstUnfinished() == null;
    }

    /// What the request took, once it is finished.
    public Usage usage() throws InterruptedException {
        int cached = 0;
        int completion = 0;
        int reasoning = 0;
        int choicesPerPrompt = choices.size() / generation.promptCount();
        long patienceEndNs = System.nanoTime() + LAST_FIGURES.toNanos();
        for (int i = 0; i < choices.size(); i++) {
            Choice choice = choices.get(i);
            choice.awaitEnding(patienceEndNs);
            completion += choice.tokensUsed();
            reasoning += choice.reasoningTokens();
            // All choices of a prompt share its computation: the first one's figure stands for it.
            if (i % choicesPerPrompt == 0) cached += choice.cachedTokens();
        }
        return generation.billed(new Usage(generation.promptTokens(), cached, completion, reasoning));
    }

    /// Makes the reader stop: what waits in `next` returns, and nothing waits there again. Any thread.
    public synchronized void dismiss() {
        dismissed = true;
        notifyAll();
        nudge();
    }

    public synchronized boolean isDismissed() {
        return dismissed;
    }

    /// Waits until it is dismissed, at most for `patience`.
    public synchronized void awaitDismissal(Duration patience) throws InterruptedException {
        long deadlineNs = System.nanoTime() + patience.toNanos();
        while (!dismissed) {
            long leftMs = Math.ceilDiv(deadlineNs - System.nanoTime(), 1_000_000L);
            if (leftMs <= 0) return;
            wait(leftMs);
        }
    }

    /// Makes a reader that waits look again. Any thread.
    synchronized void nudge() {
        if (waiting == null) return;
        nudged = true;
        waiting.interrupt();
    }

    private List<Delta> look() throws InterruptedException {
        List<Delta> news = new ArrayList<>();
        for (Choice choice : choices) {
            Delta delta = choice.read();
            if (delta == null) continue;
            news.add(delta);
            generation.account().count(delta);
        }
        if (!news.isEmpty() && isFinished()) generation.account().complete(usage());
        return news;
    }

    /// The engine is to know of every choice how far its reader is, not only of the one that is waited for.
    private void reportRead(Choice waitingFor) throws InterruptedException {
        for (Choice choice : choices) {
            if (choice != waitingFor && !choice.isFinished()) choice.await(Duration.ZERO);
        }
    }

    private void await(Choice choice, Duration patience) throws InterruptedException {
        synchronized (this) {
            if (dismissed || generation.interruption() != null) return;
            waiting = Thread.currentThread();
        }
        try {
            choice.await(patience);
        } catch (InterruptedException e) {
            if (!wasNudged()) throw e;
        } finally {
            stopWaiting();
        }
    }

    private synchronized boolean wasNudged() {
        return nudged;
    }

    /// A nudge that came after the wait must not interrupt what the thread does next.
    private synchronized void stopWaiting() {
        waiting = null;
        if (nudged) Thread.interrupted();
        nudged = false;
    }

    private @Nullable Choice firstUnfinished() {
        for (Choice choice : choices) {
            if (!choice.isFinished()) return choice;
        }
        return null;
    }
}
