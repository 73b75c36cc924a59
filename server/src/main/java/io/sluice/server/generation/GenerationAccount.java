package io.sluice.server.generation;

/// Counts what one generation brought, each token and each ending once, however often they are read. Any thread.
final class GenerationAccount {
    private final GenerationMeter meter;
    private final long startNs = System.nanoTime();
    private final int[] tokens; // [choice], counted so far
    private final long[] latestNs; // [choice]; when its latest tokens were counted
    private final boolean[] ended; // [choice]
    private boolean anyToken;
    private boolean completed;

    GenerationAccount(int choices, GenerationMeter meter) {
        this.meter = meter;
        tokens = new int[choices];
        latestNs = new long[choices];
        ended = new boolean[choices];
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
        if (ended[choice]) return;
        ended[choice] = true;
        meter.finished(finish);
    }

    /// All of it was read.
    synchronized void complete(Usage usage) {
        if (completed) return;
        completed = true;
        meter.completed(usage, System.nanoTime() - startNs);
    }

    /// What nobody has seen the end of ends like this.
    synchronized void giveUp(Finish finish) {
        for (int choice = 0; choice < ended.length; choice++) countEnding(choice, finish);
    }
}
