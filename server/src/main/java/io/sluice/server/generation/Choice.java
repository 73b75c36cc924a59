package io.sluice.server.generation;

import io.sluice.batching.PromptLogprobs;
import io.sluice.batching.TokenStream;
import io.sluice.modelstore.IncrementalDetokenizer;
import io.sluice.modelstore.Tokenizer;
import io.sluice.server.output.OutputParser;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// Turns one choice's tokens into text: detokenises, stops at stop texts, keeps log-probabilities in step
/// with the text they belong to. All of it depends on the tokens alone, not on when they were read: whoever
/// reads them again finds the same text at the same tokens. The reader's thread only.
final class Choice {

    /// The most tokens of one piece of news. A reader that lags gets several tokens at once; with log-probabilities and
    /// twenty alternatives each, this many still make an event of less than 64 KiB.
    static final int NEWS_TOKENS_MAX = 16;

    /// What of the request matters to reading. A value.
    ///
    /// @param stop texts that end the choice
    /// @param minTokens tokens before which no stop text counts
    /// @param output how tokens become text
    /// @param name of the answer
    /// @param opensThinking the prompt leaves the model in the middle of its reasoning
    record Rules(
            List<String> stop,
            int minTokens,
            boolean wantsLogprobs,
            TextRequest.Output output,
            String name,
            boolean opensThinking) {
        static Rules of(TextRequest request, boolean opensThinking) {
            return new Rules(
                    request.stop(),
                    request.sampling().minTokens(),
                    request.wantsLogprobs(),
                    request.output(),
                    request.id(),
                    opensThinking);
        }
    }

    private final int index;
    private final Generation generation;
    private final TokenStream stream;
    private final Tokenizer tokenizer;
    private final IncrementalDetokenizer detokenizer;
    private final StopStrings stops;
    private final Rules rules;
    private final OutputParser parser;
    private final Set<Integer> seenSpecials; // markers that must be seen although they are special tokens

    private int tokensRead;
    private int reasoningTokens; // of those
    private int textLength; // of everything detokenised so far, held back or not
    private int shownLength; // of what was handed out
    private final Deque<TokenLogprob> unshownLogprobs = new ArrayDeque<>();
    private boolean promptTold;
    private @Nullable Finish finish;

    Choice(int index, Generation generation, TokenStream stream, Tokenizer tokenizer, Rules rules) {
        this.index = index;
        this.generation = generation;
        this.stream = stream;
        this.tokenizer = tokenizer;
        this.detokenizer = tokenizer.detokenizer();
        this.stops = rules.output().showsStop() ? StopStrings.shown(rules.stop()) : new StopStrings(rules.stop());
        this.rules = rules;
        this.parser = new OutputParser(rules.output().rules(), rules.name() + "/" + index, rules.opensThinking());
        this.seenSpecials = rules.output().rules().markers().stream()
                .flatMap(marker -> tokenizer.tokenId(marker).stream().boxed())
                .filter(tokenizer::isSpecial)
                .collect(Collectors.toUnmodifiableSet());
    }

    /// Waits until there is something to read, or for `patience`; says that everything read so far was dealt with.
    void await(Duration patience) throws InterruptedException {
        stream.await(tokensRead, patience);
    }

    /// Waits until the engine has ended the choice too, at most until `endNs` as `System.nanoTime` has it.
    void awaitEnding(long endNs) throws InterruptedException {
        while (stream.ending().isEmpty() && System.nanoTime() - endNs < 0) {
            stream.await(stream.count(), Duration.ofNanos(Math.max(1, endNs - System.nanoTime())));
        }
    }

    /// What is new since the last look, as one piece, or null if nothing is.
    @Nullable
    Delta read() {
        if (finish != null) return null;
        // The order matters: once an ending is seen, the count read after it is final.
        var ending = stream.ending().orElse(null);
        Interruption interruption = generation.interruption();
        int available = stream.count();
        if (available == tokensRead && ending == null && interruption == null) return null;

        int until = Math.min(available, tokensRead + NEWS_TOKENS_MAX);
        while (tokensRead < until && !isComplete()) readToken(tokensRead++);
        if (isComplete()) {
            complete();
            stream.cancel();
        } else if (tokensRead == available && ending != null) {
            finishAs(generation.finishOf(ending));
        } else if (tokensRead == available && interruption != null) {
            // Not left to the engine, which may be what does not answer.
            finish = new Finish.Interrupted(interruption);
        }
        return new Delta(index, tokensRead, parser.take(), shownLogprobs(), finish, promptNews());
    }

    /// The prompt's tokens, once, if they were asked for. Whoever has read a token knows them.
    private List<PromptToken> promptNews() {
        if (promptTold) return List.of();
        promptTold = true;
        return generation.promptReport(index).orElse(null) instanceof PromptLogprobs report
                ? new PromptTokens(tokenizer).of(report)
                : List.of();
    }

    /// True if the choice ends here, whatever the model would say next.
    private boolean isComplete() {
        return stops.found() || parser.isSatisfied();
    }

    private void complete() {
        parser.finish();
        finish = withCalls(new Finish.Stop(stops.foundText()));
    }

    private Finish withCalls(Finish end) {
        return end instanceof Finish.Stop && parser.hasCalls() ? new Finish.ToolCalls() : end;
    }

    /// Reads up to where a client says that it has been, without a word.
    ///
    /// @param complete the text had ended, and all of it was shown
    /// @return false if nobody can have been there
    boolean skip(int tokens, boolean complete) {
        var ending = stream.ending().orElse(null);
        if (tokens > stream.count()) return false;
        while (tokensRead < tokens && !isComplete()) {
            readToken(tokensRead++);
            parser.take(); // at once: joined, each piece would be copied for each that follows
        }
        if (tokensRead < tokens || (isComplete() && !complete)) return false;
        if (complete && isComplete()) {
            complete();
        } else if (complete) {
            if (ending == null || tokensRead < stream.count()) return false;
            finishAs(generation.finishOf(ending));
            if (finish == null || !finish.isAnswer()) return false;
        }
        parser.take();
        shownLogprobs();
        promptTold = tokens > 0 || complete;
        return true;
    }

    /// What was held back is no stop text after all: the end shows it. Of a text that broke off it is not known.
    private void finishAs(Finish end) {
        finish = end;
        if (!end.isAnswer()) return;
        show(append(detokenizer.finish()));
        if (stops.found()) {
            complete();
            return;
        }
        show(stops.finish());
        parser.finish();
        finish = withCalls(end);
    }

    private void show(String certain) {
        shownLength += certain.length();
        parser.accept(certain);
    }

    boolean isFinished() {
        return finish != null;
    }

    @Nullable
    Finish finish() {
        return finish;
    }

    int tokensRead() {
        return tokensRead;
    }

    /// Output tokens to account for: those read up to a stop text, else all that were computed.
    int tokensUsed() {
        return isComplete()
                ? tokensRead
                : stream.ending().map(TokenStream.Ending::sampledTokens).orElse(tokensRead);
    }

    /// Output tokens that were spent on reasoning, as far as it is told apart.
    int reasoningTokens() {
        return reasoningTokens;
    }

    /// Prompt tokens from the prefix cache; known once the stream has ended.
    int cachedTokens() {
        return stream.ending().map(TokenStream.Ending::cachedTokens).orElse(0);
    }

    private void readToken(int position) {
        int start = textLength;
        String piece = textOf(stream.token(position));
        String certain = position + 1 < rules.minTokens() ? passUnchecked(piece) : append(piece);
        if (rules.wantsLogprobs()) unshownLogprobs.add(logprobAt(position, start));
        boolean thought = parser.isThinking();
        show(certain);
        if (thought || parser.isThinking()) reasoningTokens++;
    }

    private String textOf(int token) {
        String text = detokenizer.append(token);
        boolean shown = seenSpecials.contains(token) || (rules.output().showsSpecials() && tokenizer.isSpecial(token));
        return shown ? text + tokenizer.tokenText(token) : text;
    }

    private String append(String piece) {
        textLength += piece.length();
        return stops.append(piece);
    }

    /// Before `minTokens` tokens a stop text is ordinary text.
    private String passUnchecked(String piece) {
        textLength += piece.length();
        return piece;
    }

    private TokenLogprob logprobAt(int position, int textOffset) {
        List<TokenLogprob> alternatives = new ArrayList<>(stream.topCount(position));
        for (int rank = 0; rank < stream.topCount(position); rank++) {
            alternatives.add(
                    logprob(stream.topToken(position, rank), stream.topLogprob(position, rank), textOffset, List.of()));
        }
        return logprob(stream.token(position), stream.logprob(position), textOffset, alternatives);
    }

    private TokenLogprob logprob(int token, float logprob, int textOffset, List<TokenLogprob> alternatives) {
        byte[] bytes = tokenizer.tokenBytes(token);
        String text = bytes.length == 0 ? tokenizer.tokenText(token) : new String(bytes, StandardCharsets.UTF_8);
        return new TokenLogprob(text, bytes, logprob, textOffset, alternatives);
    }

    /// Those whose text has begun to be shown; at the end, all that are not behind a stop text.
    private List<TokenLogprob> shownLogprobs() {
        if (!rules.wantsLogprobs()) return List.of();
        boolean all = finish != null && finish.isAnswer() && !stops.found();
        List<TokenLogprob> shown = new ArrayList<>();
        while (!unshownLogprobs.isEmpty() && (all || unshownLogprobs.getFirst().textOffset() < shownLength)) {
            shown.add(unshownLogprobs.removeFirst());
        }
        return shown;
    }
}
