package io.sluice.batching;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.PriorityQueue;
import java.util.Random;
import org.junit.jupiter.api.Test;

/// Clients of one tenant who send twice what the engine can do for a while, and come back when they are told to, in
/// virtual time on a device that takes the same for every step.
class ObedientCrowdTest {
    private static final long MS = 1_000_000;
    private static final long STEP_NS = 2 * MS;
    private static final int SEATS = 8;
    private static final int OUTPUT = 50;
    private static final int CONTEXT_MAX = 256;
    private static final int WAITING_MAX = 64;

    /// Twice what the seats can take: eight requests in fifty steps.
    private static final long GAP_NS = STEP_NS * OUTPUT / SEATS / 2;

    private static final int REQUESTS = 1500;

    private final Random random = new Random(4);
    private long nowNs = MS;
    private final VirtualEngine engine = new VirtualEngine(
            new EngineSettings(WAITING_MAX, false, 128, CONTEXT_MAX, Long.MAX_VALUE),
            new SteadyDevice(),
            () -> nowNs,
            random);

    /// One that is going to be sent.
    private static final class Client {
        private long atNs;
        private int attempts;

        Client(long atNs) {
            this.atNs = atNs;
        }
    }

    private final class SteadyDevice implements ModelRunner {
        private final ModelLimits limits = new ModelLimits(400, 16, CONTEXT_MAX, 512, SEATS, 100, 0);
        private final StepResult result = new StepResult(SEATS);

        @Override
        public ModelLimits limits() {
            return limits;
        }

        @Override
        public InFlightStep launch(StepPlan plan) {
            for (int slice = 0; slice < plan.sliceCount(); slice++) result.set(slice, 1, 0);
            return () -> {
                nowNs += STEP_NS;
                return result;
            };
        }

        @Override
        public void close() {}
    }

    @Test
    void comesInWhenItWasToldToOrTheTimeAfter() {
        List<Integer> attempts = attempts(true);
        assertThat(attempts).hasSizeGreaterThan(REQUESTS / 3);
        assertThat(attempts.get(attempts.size() / 2)).as("median").isEqualTo(2);
        assertThat(attempts.get(attempts.size() * 95 / 100)).as("95 of 100").isLessThanOrEqualTo(4);
    }

    @Test
    void comesInVainIfItDoesNotSayThatItComesAgain() {
        List<Integer> attempts = attempts(false);
        assertThat(attempts.get(attempts.size() * 95 / 100)).isGreaterThan(10);
    }

    /// How often those came who were refused at first, in rising order.
    private List<Integer> attempts(boolean theySaySo) {
        var fresh = new ArrayDeque<Client>();
        for (int i = 0; i < REQUESTS; i++) fresh.add(new Client(nowNs + i * GAP_NS));
        var returning = new PriorityQueue<Client>((a, b) -> Long.compare(a.atNs, b.atNs));
        List<Integer> attempts = new ArrayList<>();
        while (!fresh.isEmpty() || !returning.isEmpty()) {
            while (!returning.isEmpty() && returning.peek().atNs <= nowNs) {
                come(returning.remove(), theySaySo, returning, attempts);
            }
            while (!fresh.isEmpty() && fresh.peek().atNs <= nowNs) come(fresh.remove(), true, returning, attempts);
            if (engine.turn()) continue;
            nowNs += STEP_NS;
            engine.resume();
        }
        attempts.sort(null);
        return attempts;
    }

    private void come(Client client, boolean saysSo, PriorityQueue<Client> returning, List<Integer> attempts) {
        Attempt attempt = client.attempts++ > 0 && saysSo ? Attempt.AGAIN : Attempt.FIRST;
        switch (engine.submit(request(), attempt)) {
            case Admission.Admitted _ -> {
                if (client.attempts > 1) attempts.add(client.attempts);
            }
            case Admission.Refused refused -> {
                client.atNs = nowNs + Math.max(STEP_NS, refused.retryAfter().toNanos());
                returning.add(client);
            }
        }
    }

    private GenerationRequest request() {
        return new GenerationRequest(
                "a",
                random.ints(16, 0, 100).toArray(),
                OUTPUT,
                1,
                SamplingParams.GREEDY,
                new int[] {0},
                Caller.ANONYMOUS,
                PrefixScope.of(0),
                Deadlines.NONE);
    }
}
