package io.sluice.batching;

import static io.sluice.batching.SimulationFailure.check;

import java.time.Duration;
import java.util.Arrays;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// What the simulation knows about one choice independently of the engine: its whole true output, what was
/// done to it, and what its reader has seen.
final class SimulatedChoice {
    final GenerationRequest request;
    final int choice;
    final TokenStream stream;
    final long seed;
    final int[] truth; // prompt, then output, an end token included
    final long[] fingerprints; // [position]
    final boolean endsByToken;
    private final FinishReason trueEnding; // if nothing comes between

    final Reader reader;
    int sampled; // tokens the shadow has sampled
    int computed; // tokens the shadow has computed, some perhaps more than once
    boolean wasPlanned;
    boolean notFinite; // the shadow produced no token
    boolean stepFailed; // it could not be computed even alone
    int cancelTurn = Integer.MAX_VALUE; // the first turn whose plan must see the cancellation
    private int seen;
    private TokenStream.@Nullable Ending ending;

    /// How its client reads.
    enum Reader {
        /// All that there is, after every turn.
        PROMPT,
        /// Now and then.
        SLOW,
        /// Nothing before the end.
        ABSENT
    }

    SimulatedChoice(GenerationRequest request, int choice, TokenStream stream, int vocabSize, Reader reader) {
        this.reader = reader;
        this.request = request;
        this.choice = choice;
        this.stream = stream;
        seed = Sequence.seed(request, choice);
        UnbatchedModel.Answer answer = request.wantsOutput()
                ? UnbatchedModel.answer(request, seed, vocabSize)
                : new UnbatchedModel.Answer(request.prompt(), FinishReason.LENGTH);
        truth = answer.tokens();
        trueEnding = answer.ending();
        fingerprints = new long[truth.length];
        long fingerprint = UnbatchedModel.ROOT;
        for (int position = 0; position < truth.length; position++) {
            fingerprint = UnbatchedModel.fingerprint(fingerprint, truth[position], position);
            fingerprints[position] = fingerprint;
        }
        endsByToken = trueEnding == FinishReason.STOP && request.isEndToken(truth[truth.length - 1]);
    }

    long deadlineNs() {
        return request.deadlines().of(sampled > 0);
    }

    int promptLength() {
        return request.prompt().length;
    }

    /// Tokens of the whole output, an end token included.
    int answerLength() {
        return truth.length - promptLength();
    }

    /// Tokens of the whole output that are published: all but an end token.
    int publishedLength() {
        return endsByToken ? answerLength() - 1 : answerLength();
    }

    boolean hasEnded() {
        return ending != null;
    }

    FinishReason reason() {
        if (ending == null) throw new IllegalStateException("not ended");
        return ending.reason();
    }

    /// Looks at what was published since the last look, and says so.
    void read() {
        look();
        try {
            stream.await(seen, Duration.ZERO);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private void look() {
        int count = stream.count();
        check(count <= publishedLength(), "a stream has more tokens than the true answer");
        for (; seen < count; seen++) {
            int position = promptLength() + seen;
            int token = stream.token(seen);
            check(token == truth[position], "a published token differs from the unbatched answer");
            int alternatives = request.sampling().topLogprobs();
            if (alternatives == SamplingParams.NO_LOGPROBS) continue;
            check(stream.logprob(seen) == UnbatchedModel.logprob(token, position), "a log-probability is another's");
            check(stream.topCount(seen) == alternatives, "the number of alternatives");
            for (int rank = 0; rank < alternatives; rank++) {
                float expected = UnbatchedModel.logprob(token + rank, position);
                check(stream.topLogprob(seen, rank) == expected, "an alternative is another's");
                check(stream.topToken(seen, rank) == token + rank, "an alternative's token");
            }
        }
    }

    /// Looks whether the stream has ended, and if so whether it may have, in this way.
    void readEnding(long nowNs, boolean engineEnded) {
        Optional<TokenStream.Ending> latest = stream.ending();
        if (ending != null) {
            check(latest.isPresent() && latest.get().equals(ending), "a stream's ending changed");
            return;
        }
        if (latest.isEmpty()) return;
        ending = latest.get();
        look();
        check(ending.promptTokens() == promptLength(), "the ending's prompt length");
        check(ending.cachedTokens() <= promptLength(), "more tokens cached than the prompt has");
        check(ending.sampledTokens() == sampled, "the ending's count of sampled tokens");
        switch (ending.reason()) {
            case STOP, LENGTH -> {
                check(ending.reason() == trueEnding && isComplete(), "STOP or LENGTH, but the answer is not complete");
                checkReport();
            }
            case CANCELLED -> check(stream.isCancelled(), "CANCELLED, but nobody cancelled");
            case EXPIRED -> check(nowNs >= deadlineNs(), "EXPIRED before the deadline");
            case STALLED -> check(reader != Reader.PROMPT, "STALLED, but the reader reads");
            case FAILED -> check(notFinite || stepFailed || engineEnded || isDeadEnd(), "FAILED, but nothing failed");
        }
        boolean failed = ending.reason() == FinishReason.FAILED;
        check(!notFinite || failed, "a sequence without finite output did not fail");
    }

    /// All that was to be found out about the prompt is known, whoever had computed it before.
    private void checkReport() {
        PromptReport report = stream.promptReport().orElse(null);
        check((report != null) == (request.promptWish() != null && choice == 0), "a report where none is due, or none");
        switch (report) {
            case null -> {}
            case PromptLogprobs logprobs -> {
                for (int position = 1; position < promptLength(); position++) {
                    float expected = UnbatchedModel.logprob(truth[position], position);
                    check(logprobs.logprob(position) == expected, "a position's log-probability is another's");
                    check(logprobs.token(position) == truth[position], "a position's token");
                    check(logprobs.topCount(position) == logprobs.topMax(), "a position's alternatives");
                }
            }
            case PromptEmbedding embedding -> {
                double mean = Arrays.stream(request.prompt()).average().orElseThrow();
                check(Math.abs(embedding.pooled()[0] - mean) < 1e-9, "an embedding is not of all positions");
            }
        }
    }

    /// True if its constraint has led it where nothing can follow.
    private boolean isDeadEnd() {
        return trueEnding == FinishReason.FAILED && isComplete();
    }

    private boolean isComplete() {
        return seen == publishedLength() && sampled == answerLength();
    }

    @Override
    public String toString() {
        return request.id() + "/" + choice + Arrays.toString(request.prompt());
    }
}
