package io.sluice.batching;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.assertj.core.data.Percentage;
import org.junit.jupiter.api.Test;

/// Two tenants of one class, one with ten times the requests of the other under way at all times, in virtual
/// time on a noisy device: admission, queue and steps together.
class TwoTenantsTest {
    private static final long SECOND = 1_000_000_000;
    private static final long RETRY_NS = SECOND / 20; // clients do not care what they were told
    private static final int CONTEXT_MAX = 1024;

    private final Random random = new Random(3);
    private long nowNs;
    private int promptLength = 128;
    private int output = 192;

    /// A client that asks again as soon as it was answered.
    private static final class Client {
        private final Caller caller;
        private long wakesNs;
        private int answered;
        private TokenStream stream = new TokenStream(1, 0, () -> {});

        Client(Caller caller) {
            this.caller = caller;
            stream.end(new TokenStream.Ending(FinishReason.STOP, "", 0, 0, 0));
            answered = -1;
        }
    }

    private final class NoisyDevice implements ModelRunner {
        private final ModelLimits limits;
        private final StepResult result;

        NoisyDevice(int sequencesMax) {
            limits = new ModelLimits(20 * sequencesMax, 16, CONTEXT_MAX, 512, sequencesMax, 100, 0);
            result = new StepResult(sequencesMax);
        }

        @Override
        public ModelLimits limits() {
            return limits;
        }

        @Override
        public InFlightStep launch(StepPlan plan) {
            double micros = 400;
            for (int slice = 0; slice < plan.sliceCount(); slice++) {
                micros += plan.length(slice) == 1 ? 100 : plan.length(slice) * 15.0;
                if (plan.samples(slice)) result.set(slice, 1, 0);
            }
            long ns = (long) (micros * 1000 * Math.exp(0.3 * random.nextGaussian()));
            return () -> {
                nowNs += ns;
                return result;
            };
        }

        @Override
        public void close() {}
    }

    @Test
    void areServedTheSameWhileBothHaveMoreThanTheirPart() {
        int[] answered = run(1, 1, 100, 10);
        assertThat(answered[0]).isCloseTo(answered[1], Percentage.withPercentage(10));
    }

    @Test
    void areServedByTheirWeights() {
        int[] answered = run(1, 3, 100, 40);
        assertThat(3 * answered[0]).isCloseTo(answered[1], Percentage.withPercentage(10));
    }

    @Test
    void whoAsksForLessThanItsPartGetsItAndTheOtherTheRest() {
        int[] both = run(1, 1, 100, 1);
        nowNs = 0;
        int[] alone = run(1, 1, 0, 1);
        assertThat(both[1]).isGreaterThan(alone[1] / 3); // one at a time waits for a place
        assertThat(both[0]).isGreaterThan(5 * both[1]);
    }

    /// Who is served little does not stand behind the prompts of who is served much, not even behind those that
    /// came earlier and start later.
    @Test
    void whoAsksForLittleGetsItsFirstTokenInAFewSteps() {
        var engine = engine(64);
        List<Client> clients = clients(new Caller(new Tenant("heavy", 1, 0, 1), TrafficClass.STANDARD), 200);
        Client light = clients(new Caller(new Tenant("light", 1, 0, 1), TrafficClass.STANDARD), 1)
                .getFirst();
        List<Integer> stepsToFirst = new ArrayList<>();
        int steps = 0;
        int asked = 0;
        while (nowNs < 30 * SECOND) {
            boolean begins = light.stream.ending().isPresent() && nowNs >= light.wakesNs;
            for (Client client : clients) goOn(client, engine);
            goOn(light, engine);
            if (begins) asked = steps;
            boolean hadNone = light.stream.count() == 0;
            engine.turn();
            steps++;
            if (hadNone && light.stream.count() > 0) stepsToFirst.add(steps - asked);
        }
        stepsToFirst.sort(null);
        assertThat(stepsToFirst).hasSizeGreaterThan(10);
        assertThat(stepsToFirst.get(stepsToFirst.size() * 9 / 10)).isLessThan(12);
    }

    /// Where only one or two prompts fit into the class's target, nobody waits for long: it is decided at admission who
    /// gets how much.
    @Test
    void areServedNearlyTheSameWhereMostAreRefused() {
        promptLength = 900;
        output = 2;
        var hasty = ClassTerms.named("hasty", 1).firstTokenTargetNs(40_000_000).terms();
        int[] answered = run(hasty, 1, 1, 100, 10);
        assertThat((double) answered[0] / answered[1]).isLessThan(3);
    }

    /// Answers to each of them in half a minute.
    private int[] run(double heavyWeight, double lightWeight, int heavyClients, int lightClients) {
        return run(TrafficClass.STANDARD, heavyWeight, lightWeight, heavyClients, lightClients);
    }

    private int[] run(
            TrafficClass trafficClass, double heavyWeight, double lightWeight, int heavyClients, int lightClients) {
        var engine = engine(8);
        var heavy = new Tenant("heavy", heavyWeight, 0, 1);
        List<Client> clients = clients(new Caller(heavy, trafficClass), heavyClients);
        clients.addAll(clients(new Caller(new Tenant("light", lightWeight, 0, 1), trafficClass), lightClients));
        while (nowNs < 30 * SECOND) {
            for (Client client : clients) goOn(client, engine);
            if (engine.turn()) continue;
            nowNs += SECOND / 1000;
            engine.resume();
        }
        int[] answered = new int[2];
        for (Client client : clients) answered[client.caller.tenant().equals(heavy) ? 0 : 1] += client.answered;
        return answered;
    }

    private VirtualEngine engine(int sequencesMax) {
        var settings = new EngineSettings(256, false, 256, CONTEXT_MAX, Long.MAX_VALUE);
        return new VirtualEngine(settings, new NoisyDevice(sequencesMax), () -> nowNs, random);
    }

    private static List<Client> clients(Caller caller, int count) {
        List<Client> clients = new ArrayList<>();
        for (int i = 0; i < count; i++) clients.add(new Client(caller));
        return clients;
    }

    private void goOn(Client client, VirtualEngine engine) {
        if (client.stream.ending().isEmpty() || nowNs < client.wakesNs) return;
        switch (engine.submit(request(client.caller))) {
            case Admission.Admitted(var streams, var _) -> {
                client.stream = streams.getFirst();
                client.answered++;
            }
            case Admission.Refused _ -> client.wakesNs = nowNs + RETRY_NS;
        }
    }

    private GenerationRequest request(Caller caller) {
        int[] prompt = random.ints(promptLength, 0, 100).toArray();
        return new GenerationRequest(
                "a",
                prompt,
                output,
                1,
                SamplingParams.GREEDY,
                new int[] {0},
                caller,
                PrefixScope.of(0),
                Deadlines.NONE);
    }
}
