package io.sluice.batching;

/// Predicts, before a request is admitted, how long it will wait and what it will take, from what the engine
/// published after its latest step. Any thread; what it reads moves while it reads, so its answers are
/// estimates.
///
/// What goes before a request starts at once as far as there are seats and memory for it; then only its
/// prompts are in the way. What does not fit has to wait until others end. That work is counted in
/// nanoseconds of the engine, which a queue gives away at about one per nanosecond; how fast each class's
/// queue really drains is measured, and corrects for
/// everything that the model leaves out.
final class WaitForecast {

    /// A class that has not been served at all for a while is still promised something.
    private static final double DRAIN_MIN = 0.01;

    private final ModelLimits limits;
    private final Accounts accounts;
    private volatile Load load = Load.UNKNOWN;

    /// What the engine publishes after a step. A value.
    ///
    /// @param promptTokenNs what a prompt token adds to a step
    /// @param outputTokenNs a sequence's part of a step
    /// @param pacedPromptTokenNs a step's time for each prompt token that it has room for: how fast prompts
    /// get on
    /// @param gapNs between two tokens of a sequence
    /// @param promptTokensLeft of sequences that run, not computed yet
    /// @param freeSeats sequences that may still start
    /// @param freeBlocks that nothing is expected to need
    record Load(
            double promptTokenNs,
            double outputTokenNs,
            double pacedPromptTokenNs,
            double gapNs,
            long promptTokensLeft,
            int freeSeats,
            int freeBlocks) {

        /// Before the first step: everything is quick until something is measured.
        static final Load UNKNOWN = new Load(0, 0, 0, 0, 0, Integer.MAX_VALUE, Integer.MAX_VALUE);
    }

    WaitForecast(ModelLimits limits, Accounts accounts) {
        this.limits = limits;
        this.accounts = accounts;
    }

    /// Takes note of the engine's load. Engine thread.
    void publish(Load latest) {
        load = latest;
    }

    Load load() {
        return load;
    }

    /// What the request is expected to take.
    Demand demandOf(GenerationRequest request, Flow flow) {
        Load now = load;
        double output = expectedOutput(request, flow) * request.choiceCount();
        double ns = request.prompt().length * now.promptTokenNs() + output * now.outputTokenNs();
        double tokens = request.prompt().length * FairQueue.PROMPT_COST + output * FairQueue.OUTPUT_COST;
        return new Demand(
                (long) Math.max(1, ns),
                (long) Math.max(1, tokens),
                request.prompt().length,
                (long) limits.blocksFor(reservedTokens(request, flow)) * request.choiceCount(),
                request.choiceCount());
    }

    private static double expectedOutput(GenerationRequest request, Flow flow) {
        OutputLengths known =
                flow.outputs().isKnown() ? flow.outputs() : flow.classQueue().outputs();
        double expected = known.isKnown() ? known.mean() : request.maxNewTokens();
        return Math.min(expected, request.maxNewTokens());
    }

    /// Prompt and output of one choice that blocks are reserved for.
    static long reservedTokens(GenerationRequest request, Flow flow) {
        TrafficClass trafficClass = request.caller().trafficClass();
        if (trafficClass.guaranteed()) return request.tokenCountMax();
        double quantile = trafficClass.reserveQuantile();
        int output = flow.outputs().quantile(quantile, 0);
        if (output == OutputLengths.UNKNOWN)
            output = flow.classQueue().outputs().quantile(quantile, 0);
        if (output == OutputLengths.UNKNOWN) return request.tokenCountMax();
        return Math.min(request.tokenCountMax(), (long) request.prompt().length + output);
    }

    /// How long a request of this flow would wait until it starts, in nanoseconds.
    long waitNs(Flow flow, Demand demand) {
        Ahead ahead = new Ahead();
        ClassQueue queue = flow.classQueue();
        for (ClassQueue other : accounts.classes()) {
            if (other.terms().rank() < queue.terms().rank()) ahead.add(other.backlog(), 1);
        }
        double higherNs = ahead.ns;
        queue.addAhead(flow, ahead);
        Load now = load;
        double promptNs = ahead.promptTokens * now.pacedPromptTokenNs();
        // The part of what is ahead, and of the request's first choice, that there are no seats or no memory
        // for.
        double seatless = lacking(ahead.seats + 1, now.freeSeats());
        double homeless = lacking(ahead.blocks + (double) demand.blocks() / demand.seats(), now.freeBlocks());
        double part = Math.max(seatless, homeless);
        if (part == 0) return (long) promptNs;
        double ownNs = ahead.ns - higherNs + demand.ns();
        return (long) Math.max(promptNs, part * (higherNs + ownNs / drain(queue)));
    }

    /// How long the first request of a tenant that has nothing waiting would wait, if it needs one seat and
    /// one block: what
    /// the class's higher ones have waiting, and what its own cannot be helped by.
    long waitNs(ClassQueue queue) {
        Ahead ahead = new Ahead();
        for (ClassQueue other : accounts.classes()) {
            if (other.terms().rank() < queue.terms().rank()) ahead.add(other.backlog(), 1);
        }
        ahead.add(queue.backlog(), 1);
        Load now = load;
        double part = Math.max(lacking(ahead.seats + 1, now.freeSeats()), lacking(ahead.blocks + 1, now.freeBlocks()));
        return (long) Math.max(ahead.promptTokens * now.pacedPromptTokenNs(), part * ahead.ns / drain(queue));
    }

    private static double lacking(double wanted, double there) {
        return wanted <= there ? 0 : (wanted - Math.max(0, there)) / wanted;
    }

    /// What goes before a request, added up. One thread.
    static final class Ahead {
        private double ns;
        private double promptTokens;
        private double blocks;
        private double seats;

        /// Adds a part of a backlog.
        void add(Backlog backlog, double part) {
            ns += part * backlog.ns();
            promptTokens += part * backlog.promptTokens();
            blocks += part * backlog.blocks();
            seats += part * backlog.seats();
        }
    }

    /// Nanoseconds of work that leave the class's queue in one nanosecond.
    private static double drain(ClassQueue queue) {
        return Math.max(DRAIN_MIN, Math.max(queue.terms().floor(), queue.drain().perNs()));
    }

    /// How long the request's prompt takes once it has started, and what runs has got on with its own.
    long prefillNs(GenerationRequest request) {
        Load now = load;
        return (long) ((now.promptTokensLeft() + request.prompt().length) * now.pacedPromptTokenNs());
    }

    /// From the first token to the last, as far as is expected.
    long decodeNs(GenerationRequest request, Flow flow) {
        return (long) (expectedOutput(request, flow) * load.gapNs());
    }

    /// Requests that are to start before a new one of this class, if fairness is left aside.
    int requestsAhead(Flow flow) {
        int count = 0;
        for (ClassQueue other : accounts.classes()) {
            if (other.terms().rank() <= flow.classQueue().terms().rank())
                count += other.backlog().requests();
        }
        return count;
    }
}
