package io.sluice.server.generation;

import io.sluice.batching.FinishReason;
import io.sluice.batching.TokenStream;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Counts what one generation brought, each token and each ending once, however often they are read; and tells the
/// meter once what all of it took. Any thread.
final class GenerationAccount {

    /// What is given up ends in the engine within a step; how long its figures are worth waiting for.
    private static final Duration LAST_FIGURES = Duration.ofSeconds(1);

    private static final Duration GLANCE = Duration.ofMillis(1);

    private final RequestMeter meter;
    private final Bill bill;
    private final Generation.Prompts prompts;
    private final long startNs = System.nanoTime();
    private final int[] tokens; // [choice], counted so far
    private final long[] latestNs; // [choice]; when its latest tokens were counted
    private final @Nullable Finish[] finishes; // [choice]
    private boolean anyToken;
    private boolean completed;
    private boolean ended; // the meter knows what all of it took

    GenerationAccount(Generation.Prompts prompts, int choices, RequestMeter meter, Bill bill) {
        this.bill = bill;
        this.prompts = prompts;
        this.meter = meter;
        tokens = new int[choices];
        latestNs = new long[choices];
        finishes = new Finish[choices];
    }

    /// Somebody read up to here.
    synchronized void count(Delta delta) {
        int choice = delta.choice();
        int news = delta.tokensRead() - tokens[choice];
        if (news > 0) countTokens(choice, news);
        if (delta.finish() != null) countEnding(choice, delta.finish());
    }

    private void countTokens(int choice, int news) {
        long nowNs = System.nanoTime();
        if (!anyToken) meter.firstToken(nowNs - startNs);
        anyToken = true;
        if (tokens[choice] > 0) meter.furtherTokens(news, nowNs - latestNs[choice]);
        tokens[choice] += news;
        latestNs[choice] = nowNs;
    }

    private void countEnding(int choice, Finish finish) {
        if (finishes[choice] != null) return;
        finishes[choice] = finish;
        meter.finished(finish);
    }

    /// All of it was read.
    synchronized void complete(Usage usage) {
        if (completed) return;
        completed = true;
        meter.completed(System.nanoTime() - startNs);
        end(usage);
    }

    /// What nobody has seen the end of ends like this. Waits a moment for what the engine still computes of it.
    void giveUp(Finish finish, List<TokenStream> streams) {
        if (isEnded()) return;
        boolean interrupted = awaitEndings(streams);
        synchronized (this) {
            for (int choice = 0; choice < finishes.length; choice++) countEnding(choice, finish);
            end(figures(streams));
        }
        if (interrupted) Thread.currentThread().interrupt(); // the figures at hand were counted
    }

    private synchronized boolean isEnded() {
        return ended;
    }

    private void end(Usage usage) {
        if (ended) return;
        ended = true;
        meter.ended(usage);
    }

    /// Looks now and then: to be woken is for the reader alone, who may be another.
    ///
    /// @return true if the thread was interrupted
    private static boolean awaitEndings(List<TokenStream> streams) {
        long patienceEndNs = System.nanoTime() + LAST_FIGURES.toNanos();
        try {
            for (TokenStream stream : streams) {
                while (stream.ending().isEmpty() && System.nanoTime() - patienceEndNs < 0) {
                    Thread.sleep(GLANCE);
                }
            }
            return false;
        } catch (InterruptedException e) {
            return true;
        }
    }

    private Usage figures(List<TokenStream> streams) {
        int cached = 0;
        int completion = 0;
        int choicesPerPrompt = streams.size() / prompts.count();
        for (int i = 0; i < streams.size(); i++) {
            TokenStream.Ending ending = streams.get(i).ending().orElse(null);
            completion += tokensUsed(i, ending);
            // All choices of a prompt share its computation: the first one's figure stands for it.
            if (ending != null && i % choicesPerPrompt == 0) cached += ending.cachedTokens();
        }
        return bill.on(new Usage(prompts.tokens(), cached, completion, 0)); // given up: nobody reads what it thought
    }

    /// What was computed past a stop text is not billed.
    private int tokensUsed(int choice, TokenStream.@Nullable Ending ending) {
        boolean stoppedByText =
                (finishes[choice] instanceof Finish.Stop || finishes[choice] instanceof Finish.ToolCalls)
                        && (ending == null || ending.reason() == FinishReason.CANCELLED);
        return ending == null || stoppedByText ? tokens[choice] : ending.sampledTokens();
    }
}
