package io.sluice.batching;

import java.util.ArrayList;
import java.util.List;

/// A request in the engine: its choices, its flow, and the place that it takes in admission's counts until
/// the last choice has ended. Built and admitted on the request's thread; engine thread only once published.
final class Submission {
    private final GenerationRequest request;
    private final Flow flow;
    private final Sequence[] sequences; // [choice]
    private final Timeline timeline;
    private final Demand demand;
    private int openChoices;
    private boolean started;
    private int queuedChoices; // of those, how many were let into the queue; the others wait for a sibling's prompt

    /// @param flow the caller's
    /// @param forecast what admission expected
    /// @param demand what it is expected to take, counted as waiting until it starts
    Submission(
            GenerationRequest request,
            Flow flow,
            Timeline.Forecast forecast,
            Demand demand,
            long nowNs,
            Runnable wakeEngine) {
        this.request = request;
        this.flow = flow;
        this.demand = demand;
        timeline = new Timeline(request, nowNs, forecast);
        sequences = new Sequence[request.choiceCount()];
        for (int choice = 0; choice < sequences.length; choice++) {
            sequences[choice] = new Sequence(this, choice, wakeEngine);
        }
        openChoices = sequences.length;
    }

    GenerationRequest request() {
        return request;
    }

    Flow flow() {
        return flow;
    }

    Timeline timeline() {
        return timeline;
    }

    Demand demand() {
        return demand;
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

    /// Choices `[0, queuedChoices)` were let into the queue.
    int queuedChoices() {
        return queuedChoices;
    }

    void setQueuedChoices(int count) {
        queuedChoices = count;
    }

    /// Counts one choice as ended.
    ///
    /// @return true if this was the last choice to end
    boolean endChoice() {
        Invariant.check(openChoices > 0, "more choices of a request ended than it has");
        return --openChoices == 0;
    }

    /// True if a choice that was let into the queue has not ended: it will compute the prompt for the others.
    boolean hasQueuedChoice() {
        for (int choice = 0; choice < queuedChoices(); choice++) {
            if (sequence(choice).status() != Sequence.Status.ENDED) return true;
        }
        return queuedChoices() == choiceCount();
    }
}
