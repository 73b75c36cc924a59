package io.sluice.batching;

/// Predicts, before a request is admitted, how long it will wait and what it will take, from what the engine
/// published after its latest step. Any thread; what it reads moves while it reads, so its answers are
/// estimates.
///
/// What goes before a request starts as fast as the engine takes in prompts, once those that are being
/// computed are done, as far as there are seats and memory for it. What does not fit has to wait until others
/// end: that is work, counted in nanoseconds of the engine. Which part of the engine a class gets while it
/// has something waiting is measured, and corrects for what the model leaves out.
final class WaitForecast {

    /// A class that has not been served at all for a while is still promised something.
    private static final double SHARE_MIN = 0.01;

    /// What an engine that does nothing took for a step this long ago may have been for another reason than the
    /// request that comes now: the machine was cold, or busy.
    private static final long TRUSTED_NS = 1_000_000_000L;

    /// Nothing is predicted to take longer, so that a wait, a prompt and an output can be added up.
    static final long LONGEST_NS = Long.MAX_VALUE / 4;

    private final ModelLimits limits;
    private final Accounts accounts;
    private final WorkRate workRate = new WorkRate();
    private volatile Load load = Load.UNKNOWN;
    private volatile long publishedNs;
    private volatile boolean crowded;

    /// What the engine publishes after a step. A value.
    ///
    /// @param promptTokenNs what a prompt token adds to a step
    /// @param outputTokenNs a sequence's part of a step
    /// @param pacedPromptTokenNs a step's time for each prompt token that it has room for: how fast prompts
    /// get on
    /// @param gapNs between two tokens of a sequence
    /// @param stepPromptTokens prompt tokens that a step has room for
    /// @param freeSeats sequences that may still start
    /// @param freeBlocks that nothing is expected to need
    /// @param shortestStepNs the shortest step there has been
    record Load(
            double promptTokenNs,
            double outputTokenNs,
            double pacedPromptTokenNs,
            double gapNs,
            int stepPromptTokens,
            int freeSeats,
            int freeBlocks,
            long shortestStepNs) {

        /// Before the first step: everything is quick until something is measured.
        static final Load UNKNOWN = new Load(0, 0, 0, 0, 1, Integer.MAX_VALUE, Integer.MAX_VALUE, 0);
    }

    WaitForecast(ModelLimits limits, Accounts accounts) {
        this.limits = limits;
        this.accounts = accounts;
    }

    /// Takes note of the engine's load, and whether something waits. Engine thread.
    void publish(Load latest, boolean busy, long nowNs) {
        load = latest;
        publishedNs = nowNs;
        workRate.observe(busy, nowNs);
        crowded = busy;
    }

    /// True if something could not start with the latest step.
    boolean isCrowded() {
        return crowded;
    }

    /// How much work a busy engine does per time, by what it was expected to take.
    double workRate() {
        return workRate.get();
    }

    Load load() {
        return load;
    }

    /// When what is known of the engine will be so old that it is better tried than believed; 0 or less if it is.
    long trustedForNs(long nowNs) {
        return publishedNs + TRUSTED_NS - nowNs;
    }

    /// What the request is expected to take.
    Demand demandOf(GenerationRequest request, Flow flow) {
        Load now = load;
        double output = expectedOutput(request, flow) * request.choiceCount();
        double ns = request.prompt().length * now.promptTokenNs() + output * now.outputTokenNs();
        double tokens = request.prompt().length * FairQueue.PROMPT_COST + output * FairQueue.OUTPUT_COST;
        return new Demand(
                (long) Math.max(Demand.UNMEASURED, ns),
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
        OutputLengths.Outlook outlook = flow.outputs().outlook(0, request.maxNewTokens());
        if (outlook == null) outlook = flow.classQueue().outputs().outlook(0, request.maxNewTokens());
        if (outlook == null) return request.tokenCountMax();
        return Math.min(request.tokenCountMax(), request.prompt().length + (long) Math.ceil(outlook.mean()));
    }

    /// How long a request of this flow would wait until it starts, in nanoseconds.
    long waitNs(Flow flow, Demand demand, long nowNs) {
        ClassQueue queue = flow.classQueue();
        Ahead higher = higherThan(queue, queue.promptTokensBefore(flow, demand.promptTokens(), nowNs));
        Ahead own = new Ahead();
        queue.addAhead(flow, own, nowNs);
        double share = share(queue, nowNs);
        double behindAllNs =
                startNs(higher, own, share, (double) demand.ns(), (double) demand.blocks() / demand.seats());
        // The flow's own backlog gets no more than the flow's part of the class, whoever comes in the
        // meantime.
        Ahead flowsOwn = new Ahead();
        flowsOwn.add(flow.backlog(), 1);
        double part = flowPart(flow, own.rivalWeight, share, nowNs);
        return bounded(Math.max(behindAllNs, startNs(higher, flowsOwn, share * part, 0, 1)));
    }

    /// The time between two starts of such requests of this flow while it has something waiting.
    double startIntervalNs(Flow flow, Demand demand, long nowNs) {
        Ahead own = new Ahead();
        flow.classQueue().addAhead(flow, own, nowNs);
        double share = share(flow.classQueue(), nowNs);
        double promisedNs = demand.ns() / (share * flowPart(flow, own.rivalWeight, share, nowNs) * workRate.get());
        return Math.min(promisedNs, 1 / flow.starts().get(nowNs)); // it goes on as fast as lately
    }

    /// The same behind all that waits in a class, for a request that takes no time and one block.
    long waitNs(ClassQueue queue, long nowNs) {
        Ahead own = new Ahead();
        own.add(queue.backlog(), 1);
        return (long) startNs(higherThan(queue, queue.prompts().tokens()), own, share(queue, nowNs), 0, 1);
    }

    /// When a request of this class would have its first token, behind all that waits in it.
    long firstTokenNs(ClassQueue queue, long nowNs) {
        long waitNs = queue.bias().correct(waitNs(queue, nowNs), (long) load.gapNs());
        return bounded((double) waitNs + queue.prefillNs());
    }

    /// True if no admitted request of any class has not started.
    boolean nothingWaits() {
        for (ClassQueue queue : accounts.classes()) {
            if (queue.backlog().requests() > 0) return false;
        }
        return true;
    }

    /// A wait of this flow's class, in the light of how long others have waited of whom the same was
    /// predicted.
    long corrected(long waitNs, Flow flow) {
        boolean startsAtOnce = waitNs == 0 && flow.classQueue().backlog().requests() == 0;
        return startsAtOnce ? 0 : Math.min(LONGEST_NS, flow.classQueue().bias().correct(waitNs, (long) load.gapNs()));
    }

    private static long bounded(double ns) {
        return (long) Math.min(ns, (double) LONGEST_NS);
    }

    /// A request has started: was the prediction right? What was said before anything was measured was none.
    /// Engine thread.
    void learn(Submission submission, long nowNs) {
        if (!submission.demand().isMeasured()) {
            workRate.startWindow();
            return;
        }
        workRate.countStart(submission.demand().ns());
        submission.flow().starts().add(1, nowNs);
        Timeline timeline = submission.timeline();
        long waitedNs = nowNs - timeline.admittedNs();
        ForecastBias bias = submission.flow().classQueue().bias();
        bias.learn(timeline.forecast().plainWaitNs(), waitedNs, (long) load.gapNs());
    }

    /// The work of classes that go before this one, and the room that those after it would leave.
    ///
    /// @param promptTokens of the class itself that are being computed and go before
    private Ahead higherThan(ClassQueue queue, long promptTokens) {
        Ahead higher = new Ahead();
        for (ClassQueue other : accounts.classes()) {
            if (other.terms().rank() < queue.terms().rank()) higher.add(other.backlog(), 1);
            else if (other.terms().rank() > queue.terms().rank()) higher.addRoom(other);
        }
        // A step that computes their last tokens may take in the next prompt.
        higher.runningTokens = Math.max(0, promptTokens + higherPromptTokens(queue) - load.stepPromptTokens());
        return higher;
    }

    /// When a request starts that has `higher` and `own` work before it, of which the latter gets a share of
    /// the engine.
    private double startNs(Ahead higher, Ahead own, double share, double itsNs, double itsBlocks) {
        Load now = load;
        double promptTokens = higher.runningTokens + higher.promptTokens + own.promptTokens / share;
        double promptNs = promptTokens * now.pacedPromptTokenNs();
        // The part of what is ahead, and of the request's first choice, that there are no seats or no memory
        // for.
        double seatless = lacking(higher.seats + own.seats + 1, now.freeSeats() + higher.seatsToCome);
        double homeless = lacking(higher.blocks + own.blocks + itsBlocks, now.freeBlocks() + higher.blocksToCome);
        return Math.max(
                promptNs, Math.max(seatless, homeless) * (higher.ns + (own.ns + itsNs) / share) / workRate.get());
    }

    /// The part of the engine that a class gets while it has something waiting: what classes of lower ranks
    /// leave, as they are admitted, and the floors of those of higher ranks; its own floor at least.
    private double share(ClassQueue queue, long nowNs) {
        double left = 1;
        for (ClassQueue other : accounts.classes()) {
            TrafficClass terms = other.terms();
            if (terms.rank() < queue.terms().rank()) left -= other.arrivals().get(nowNs) / workRate.get();
            else if (other != queue && other.backlog().requests() > 0) left -= terms.floor();
        }
        return Math.max(SHARE_MIN, Math.max(queue.terms().floor(), left));
    }

    /// The part of its class's share that a flow gets while it has something waiting: what the others leave,
    /// as they are admitted; its weight's part among those that have something waiting too, at least.
    private double flowPart(Flow flow, double rivalWeight, double share, long nowNs) {
        double weight = flow.account().terms().weight();
        double othersRate =
                flow.classQueue().arrivals().get(nowNs) - flow.arrivals().get(nowNs);
        return Math.max(weight / (weight + rivalWeight), 1 - othersRate / workRate.get() / share);
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
        private double runningTokens; // of prompts that are being computed, beyond the next step
        private double seatsToCome; // that running sequences of later classes give up for it
        private double blocksToCome;
        private double rivalWeight; // of the other flows that have something waiting

        /// What runs of a class leaves room as soon as it is needed.
        void addRoom(ClassQueue givesWay) {
            seatsToCome += givesWay.seatsToGive();
            blocksToCome += givesWay.blocksToGive();
        }

        void addRival(double weight) {
            rivalWeight += weight;
        }

        /// Adds a part of a backlog.
        void add(Backlog backlog, double part) {
            ns += part * backlog.ns();
            promptTokens += part * backlog.promptTokens();
            blocks += part * backlog.blocks();
            seats += part * backlog.seats();
        }
    }

    /// Prompt tokens of other classes' running sequences that are computed before those of a new request of this class.
    private long higherPromptTokens(ClassQueue queue) {
        long tokens = 0;
        for (ClassQueue other : accounts.classes()) {
            boolean before =
                    other != queue && other.terms().rank() <= queue.terms().rank();
            if (before) tokens += other.prompts().tokens();
        }
        return tokens;
    }

    /// How long the request's prompt takes once it has started: the step under way, then as many as it needs
    /// behind the last step of what of its class and of lower ranks is being computed. Others' prompts fill the
    /// last one; where there are none it is as short as it can be.
    long prefillNs(GenerationRequest request, Flow flow, long nowNs) {
        Load now = load;
        ClassQueue queue = flow.classQueue();
        int its = request.prompt().length;
        long before = queue.promptTokensBefore(flow, its, nowNs) + higherPromptTokens(queue);
        long tokens = its + Math.min(before, now.stepPromptTokens());
        long steps = Math.ceilDiv(tokens, (long) now.stepPromptTokens());
        long unfilled = Math.max(0, steps * now.stepPromptTokens() - request.prompt().length - promptTokensThere());
        double stepsNs = steps * now.stepPromptTokens() * now.pacedPromptTokenNs() - unfilled * now.promptTokenNs();
        return bounded(Math.max(tokens * now.promptTokenNs(), stepsNs + now.gapNs() / 2));
    }

    /// Prompt tokens of all classes that are to be computed.
    private long promptTokensThere() {
        long tokens = 0;
        for (ClassQueue other : accounts.classes()) {
            tokens += other.prompts().tokens() + other.backlog().promptTokens();
        }
        return tokens;
    }

    /// From the first token to the last, as far as is expected.
    long decodeNs(GenerationRequest request, Flow flow) {
        return bounded(expectedOutput(request, flow) * load.gapNs());
    }

    /// True if the request's deadlines leave room for as many steps as it needs, were each as short as the shortest.
    boolean isConceivable(GenerationRequest request, Flow flow, long nowNs) {
        Load now = load;
        long promptSteps = Math.ceilDiv(request.prompt().length, (long) now.stepPromptTokens());
        double lastNs = (promptSteps + expectedOutput(request, flow) - 1) * now.shortestStepNs();
        Deadlines deadlines = request.deadlines();
        return deadlines.of(false) - nowNs >= promptSteps * now.shortestStepNs()
                && deadlines.lastNs() - nowNs >= lastNs;
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
