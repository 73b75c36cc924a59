package io.sluice.benchmarks.traffic;

import io.sluice.batching.Attempt;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// Sends a workload through an engine in virtual time and watches what its clients get. One thread; one run.
///
/// Clients send at their moments, also while a step is computed; tokens reach them when their step is done.
/// What lies between client and engine, HTTP and tokenising, takes no time.
final class Replay {

    /// Requests that ended without a token in their last step (expired, stopped) are found by a look at all,
    /// once in so many steps.
    private static final int STEPS_BETWEEN_LOOKS = 256;

    /// One refusal in so many is followed to the moment at which it would have been none.
    private static final int FOLLOW_ONE_IN = 4;

    private final Workload workload;
    private final Policy policy;
    private final Clients clients;
    private final VirtualTime time = new VirtualTime();
    private final SimulatedEngine engine;
    private final StepLog log;
    private final GapPool gapLogs = new GapPool();
    private final @Nullable Flow[] flows; // [request], those that were sent and are not settled
    private final @Nullable Outcome[] outcomes; // [request]
    private final RetryAfterCheck retryAfter;
    private final Occupancy occupancy;
    private TokenListener listener = TokenListener.NOBODY;
    private @Nullable SignalLog signals; // null if nobody wants them
    private int toSend; // requests whose next attempt is to come
    private int open;
    private long exhaustions;

    Replay(Workload workload, DeviceModel device, Policy policy, Clients clients) {
        this.workload = workload;
        this.policy = policy;
        this.clients = clients;
        engine = policy.engine(device, time, workload.seed());
        log = new StepLog(device.sequencesMax());
        flows = new Flow[workload.requests().size()];
        outcomes = new Outcome[flows.length];
        retryAfter = new RetryAfterCheck(time, workload.seed(), FOLLOW_ONE_IN);
        occupancy = new Occupancy(workload.measuredFromNs(), workload.endNs());
    }

    /// Notes the signals for scaling, too; to be called before `run`.
    void note(SignalLog log) {
        signals = log;
    }

    /// Runs until everything that was admitted has ended.
    ReplayResult run(TokenListener tokens) {
        listener = tokens;
        for (TrafficRequest request : workload.requests()) sendAt(request.arrivalNs(), new Flow(request));
        int steps = 0;
        while (true) {
            if (turn()) {
                if (++steps % STEPS_BETWEEN_LOOKS == 0) look();
            } else {
                look();
                // Readers are never behind, so an engine that computes nothing has nothing to compute.
                if (open > 0)
                    throw new IllegalStateException("nothing is computed, but " + open + " requests are open");
                if (toSend == 0) break;
                skip();
            }
        }
        List<Outcome> all = new ArrayList<>(outcomes.length);
        for (Outcome outcome : outcomes) all.add(Objects.requireNonNull(outcome, "a request that nothing became of"));
        return new ReplayResult(
                workload,
                policy,
                all,
                occupancy.mean(),
                retryAfter.told(),
                engine.state(),
                exhaustions,
                time.getAsLong());
    }

    /// Nothing happens until somebody comes.
    private void skip() {
        long idleFromNs = time.getAsLong();
        SimulatedEngine.State idle = engine.state();
        time.skip();
        occupancy.add(idleFromNs, time.getAsLong(), idle);
        engine.resume();
    }

    /// A step, and what it brought.
    private boolean turn() {
        long startNs = time.getAsLong();
        long preemptions = engine.state().preemptions();
        if (!engine.turn(log)) return false;
        SimulatedEngine.State after = engine.state();
        if (after.preemptions() > preemptions) exhaustions++;
        occupancy.add(startNs, time.getAsLong(), after);
        for (int i = 0; i < log.count(); i++) read(log.request(i));
        retryAfter.ask(time.getAsLong());
        if (signals != null) signals.look(time.getAsLong(), engine);
        return true;
    }

    private void read(int request) {
        Flow flow = Objects.requireNonNull(flows[request], "a token for nobody");
        long nowNs = time.getAsLong();
        boolean isFirst = !flow.hasTokens();
        long gapNs = flow.read(nowNs, gapLogs);
        if (gapNs >= 0) listener.next(flow.request(), nowNs, gapNs);
        else if (isFirst && flow.hasTokens()) {
            listener.first(flow.request(), nowNs);
            if (signals != null) signals.countFirstToken(flow.request(), nowNs);
        }
        if (flow.hasEnded()) settle(flow, flow.end(gapLogs));
    }

    private void look() {
        for (Flow flow : flows) {
            if (flow != null && flow.hasEnded()) settle(flow, flow.end(gapLogs));
        }
    }

    private void settle(Flow flow, Outcome outcome) {
        int index = flow.request().index();
        flows[index] = null;
        outcomes[index] = outcome;
        if (!(outcome instanceof Outcome.Refused)) open--;
    }

    private void sendAt(long atNs, Flow flow) {
        toSend++;
        time.at(atNs, () -> send(flow));
    }

    private void send(Flow flow) {
        toSend--;
        TrafficRequest request = flow.request();
        flows[request.index()] = flow;
        flow.countAttempt();
        switch (engine.submit(request, flow.attempts() == 1 ? Attempt.FIRST : Attempt.AGAIN)) {
            case SimulatedEngine.Answer.Admitted(var output) -> {
                flow.admitted(output);
                open++;
            }
            case SimulatedEngine.Answer.Refused(var why) -> {
                long nowNs = time.getAsLong();
                if (signals != null) signals.countRefused();
                if (flow.attempts() == 1) retryAfter.refused(nowNs, request, why, engine);
                long againNs = nowNs + why.retryAfter().toNanos();
                if (clients.comeBack(request.arrivalNs(), againNs, why.retryAfter())) sendAt(againNs, flow);
                else settle(flow, new Outcome.Refused(request, flow.attempts(), why));
            }
        }
    }
}
