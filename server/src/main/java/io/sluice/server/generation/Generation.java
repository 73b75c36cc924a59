package io.sluice.server.generation;

import io.sluice.batching.FinishReason;
import io.sluice.batching.PromptReport;
import io.sluice.batching.TokenStream;
import io.sluice.modelstore.Tokenizer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// An admitted request on its way. Its answer is read by a `Reading`: one at a time, but another may begin again from
/// the first token, because the tokens are kept. Any thread.
///
/// A generation is open until it is closed: until its answer was delivered, or given up.
public final class Generation implements AutoCloseable {
    private final List<TokenStream> streams; // [choice]
    private final int promptCount;
    private final int promptTokens;
    private final Tokenizer tokenizer;
    private final Choice.Rules rules;
    private final GenerationAccount account;
    private final Place place;
    private final Bill bill;
    private volatile @Nullable Interruption interruption;
    private volatile @Nullable Reading current; // whoever reads now

    /// What a generation has of the service that it belongs to.
    interface Place {
        /// How much has failed, when a step has.
        Finish.Failure failure();

        /// The generation is open no longer.
        void leave(Generation generation);
    }

    /// The prompts of a request, in figures. A value.
    record Prompts(int count, int tokens) {}

    Generation(
            List<TokenStream> streams, Prompts prompts, Tokenizer tokenizer, Choice.Rules rules, Dependencies needed) {
        this.streams = List.copyOf(streams);
        this.promptCount = prompts.count();
        this.promptTokens = prompts.tokens();
        this.tokenizer = tokenizer;
        this.rules = rules;
        this.account = new GenerationAccount(prompts, streams.size(), needed.meter(), needed.bill());
        this.place = needed.place();
        this.bill = needed.bill();
    }

    /// What counts it and what it belongs to.
    record Dependencies(RequestMeter meter, Place place, Bill bill) {}

    public int choiceCount() {
        return streams.size();
    }

    /// A reading from the first token. It may look back at once, and goes on once it has taken over.
    public Reading reading() {
        List<Choice> choices = new ArrayList<>(streams.size());
        for (int i = 0; i < streams.size(); i++) choices.add(new Choice(i, this, streams.get(i), tokenizer, rules));
        return new Reading(this, choices);
    }

    /// Makes `reading` the one reader, on whichever thread calls it next. The reader before must have stopped.
    public void readBy(Reading reading) {
        current = reading;
        streams.forEach(TokenStream::handOver);
    }

    /// Gives everything up: the choices end as cancelled.
    public void cancel() {
        streams.forEach(TokenStream::cancel);
    }

    /// Ends everything for a reason that the client is told. What has ended already stays as it is.
    public void interrupt(Interruption why) {
        if (interruption == null) interruption = why;
        cancel();
        Reading reader = current;
        if (reader != null) reader.nudge();
    }

    /// Gives up what has not ended.
    @Override
    public void close() {
        close(new Finish.Cancelled());
    }

    /// The same, and says why.
    public void close(Finish unfinished) {
        cancel();
        account.giveUp(unfinished, streams);
        place.leave(this);
    }

    /// What was found out about the prompt of a choice; empty if nothing was asked, or it is not known yet.
    Optional<PromptReport> promptReport(int choice) {
        int choicesPerPrompt = streams.size() / promptCount;
        return streams.get(choice - choice % choicesPerPrompt).promptReport();
    }

    @Nullable
    Interruption interruption() {
        return interruption;
    }

    GenerationAccount account() {
        return account;
    }

    /// What it has used, with what that costs.
    Usage billed(Usage used) {
        return bill.on(used);
    }

    int promptCount() {
        return promptCount;
    }

    int promptTokens() {
        return promptTokens;
    }

    Finish finishOf(TokenStream.Ending ending) {
        FinishReason reason = ending.reason();
        return switch (reason) {
            case STOP -> new Finish.Stop();
            case LENGTH -> new Finish.Length();
            case CANCELLED -> interruption == null ? new Finish.Cancelled() : new Finish.Interrupted(interruption);
            case EXPIRED -> new Finish.Expired(ending.detail());
            case STALLED -> new Finish.Stalled(ending.detail());
            case FAILED -> new Finish.Failed(place.failure(), ending.detail());
        };
    }
}
