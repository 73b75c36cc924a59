package io.sluice.batching;

import java.util.ArrayList;
import java.util.List;

/// A request in the engine: its choices, and the place that it takes in admission's counts until the last of them has
/// ended. Built on the request's thread; engine thread only once published.
final class Submission {
    private final GenerationRequest request;
    private final Sequence[] sequences; // [choice]
    private int openChoices;
    private boolean started;

    Submission(GenerationRequest request, Runnable wakeEngine) {
        this.request = request;
        sequences = new Sequence[request.choiceCount()];
        for (int choice = 0; choice < sequences.length; choice++) {
            sequences[choice] = new Sequence(this, choice, wakeEngine);
        }
        openChoices = sequences.length;
    }

    GenerationRequest request() {
        return request;
    }

    int choiceCount() {
        return sequences.length;
    }

    Sequence sequence(int choice) {
        return sequences[choice];
    }

    List<TokenStream> streams() {
        var streams = new ArrayList<TokenStream>(sequences.length);
        for (Sequence sequence : sequences) streams.add(sequence.stream());
        return streams;
    }

    /// True once a choice of it has been given blocks.
    boolean hasStarted() {
        return started;
    }

    void start() {
        started = true;
    }

    /// Counts one choice as ended.
    ///
    /// @return true if this was the last choice to end
    boolean endChoice() {
        Invariant.check(openChoices > 0, "more choices of a request ended than it has");
        return --openChoices == 0;
    }
}
