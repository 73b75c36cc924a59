package io.sluice.batching;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/// Makes a seed's requests: prompts that share beginnings, tenants, choices, end tokens, deadlines, arrival
/// times.
final class Workload {
    private static final int FAMILIES = 3;

    private final SimulationKnobs knobs;
    private final SplittableRandom random;
    private final int[][] families = new int[FAMILIES][];

    Workload(SimulationKnobs knobs, SplittableRandom random) {
        this.knobs = knobs;
        this.random = random;
        for (int i = 0; i < FAMILIES; i++)
            families[i] = randomTokens(knobs.limits().contextMax() + 8);
    }

    /// A request and when it is submitted.
    record Arrival(long atNs, GenerationRequest request) {}

    List<Arrival> arrivals() {
        var arrivals = new ArrayList<Arrival>();
        long atNs = 0;
        for (int id = 0; id < knobs.requestCount(); id++) {
            if (random.nextDouble() > knobs.burst()) atNs += random.nextInt(1, 40);
            arrivals.add(new Arrival(atNs, request(Integer.toString(id), atNs)));
        }
        return arrivals;
    }

    private GenerationRequest request(String id, long atNs) {
        int family = random.nextInt(FAMILIES);
        int[] prompt = prompt(family);
        int tenant = random.nextInt(knobs.tenants().size());
        var caller = new Caller(
                knobs.tenants().get(tenant),
                knobs.classes().get(random.nextInt(knobs.classes().size())));
        return new GenerationRequest(
                id,
                prompt,
                outputLength(prompt.length),
                random.nextInt(1, knobs.choicesMax() + 1),
                sampling(),
                randomTokens(random.nextInt(3)),
                caller,
                scope(tenant, family, prompt),
                deadlines(atNs),
                constraint(id, prompt),
                promptWish(id));
    }

    /// Every eighth request has one. Nothing is drawn for it either.
    private static @Nullable PromptWish promptWish(String id) {
        return switch (Integer.parseInt(id) % 24) {
            case 3 -> new PromptWish.Logprobs(1, false);
            case 11 -> new PromptWish.Embedding(PromptWish.Pooling.MEAN);
            case 22 -> new PromptWish.Logprobs(0, true);
            default -> null;
        };
    }

    /// Every tenth request has one. Nothing is drawn for it, so that the others are what they were without.
    private @Nullable TokenConstraint constraint(String id, int[] prompt) {
        if (Integer.parseInt(id) % 10 != 9) return null;
        return new SimulatedConstraint(
                Arrays.hashCode(prompt) + id.hashCode(), knobs.limits().vocabSize());
    }

    /// The first tokens of a family are what its tenants share, if anything is.
    private PrefixScope scope(int tenant, int family, int[] prompt) {
        if (random.nextDouble() >= knobs.sharedPrefixRate()) return PrefixScope.of(tenant);
        int same = 0;
        while (same < prompt.length && prompt[same] == families[family][same]) same++;
        int shared = Math.min(same, 12);
        return new PrefixScope(tenant, sharedSalt(family), shared);
    }

    static long sharedSalt(int family) {
        return 1000L + family;
    }

    private Deadlines deadlines(long atNs) {
        if (random.nextDouble() >= knobs.deadlineRate()) return Deadlines.NONE;
        long lastNs = atNs + random.nextInt(-1, 60);
        return random.nextBoolean() ? Deadlines.last(lastNs) : new Deadlines(lastNs, lastNs + random.nextInt(60));
    }

    /// Mostly as long as it may be, because long outputs make the pool tight; sometimes too long.
    private int outputLength(int promptLength) {
        int length = random.nextInt(1, knobs.outputMax() + 1);
        long fits = Math.min(knobs.limits().contextMax(), knobs.limits().cacheTokens()) - promptLength;
        return random.nextInt(8) == 0 || fits < 1 ? length : (int) Math.min(length, fits);
    }

    /// A beginning of a family's text, sometimes with an end of its own.
    private int[] prompt(int family) {
        int length = random.nextInt(1, knobs.promptMax() + 1);
        int[] prompt = Arrays.copyOf(families[family], length);
        int own = random.nextBoolean() ? 0 : random.nextInt(length);
        for (int i = length - own; i < length; i++)
            prompt[i] = random.nextInt(knobs.limits().vocabSize());
        return prompt;
    }

    private SamplingParams sampling() {
        boolean usesHistory = random.nextInt(4) == 0;
        int topLogprobs = random.nextInt(4) == 0 ? random.nextInt(4) : SamplingParams.NO_LOGPROBS;
        return new SamplingParams(
                1f, 1f, 0, 0f, random.nextLong(), usesHistory ? 1f : 0f, 0f, 1f, 0, Map.of(), topLogprobs);
    }

    private int[] randomTokens(int count) {
        return random.ints(count, 0, knobs.limits().vocabSize()).toArray();
    }
}
