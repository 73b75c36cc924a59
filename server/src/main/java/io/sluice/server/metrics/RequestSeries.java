package io.sluice.server.metrics;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.DistributionSummary;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.Timer;
import io.sluice.batching.Timeline;
import io.sluice.server.generation.Expense;
import io.sluice.server.generation.Finish;
import io.sluice.server.generation.RequestMeter;
import io.sluice.server.generation.Usage;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;

/// Counts, at each request's end, where its time went and how large it was: under our names and, where vLLM has one,
/// under its. Every meter but the costs' exists from the start. Any thread.
public final class RequestSeries {

    /// Seconds; vLLM's, so that its dashboards fit.
    private static final Duration[] TIMES = seconds(
            0.005, 0.02, 0.05, 0.1, 0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960,
            1920);

    private static final Duration[] TOKEN_TIMES =
            seconds(0.001, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5, 10, 40, 80);

    private static final double[] TOKENS = {
        1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000, 200_000
    };

    private static final double[] CHOICES = {1, 2, 5, 10, 20};

    /// The price table's currency may change by a reload; nobody has more of them.
    private static final int CURRENCIES_MAX = 16;

    private final MeterRegistry registry;
    private final Tags ours;
    private final Tags vllms;
    private final List<Timer> queue;
    private final List<Timer> prefill;
    private final List<Timer> decode;
    private final List<Timer> inference;
    private final List<Timer> tokenTime;
    private final List<DistributionSummary> promptTokens;
    private final List<DistributionSummary> outputTokens;
    private final List<DistributionSummary> outputTokensMax;
    private final List<DistributionSummary> choices;
    private final List<DistributionSummary> computedPromptTokens;
    private final Counter computedLocally;
    private final Counter foundLocally;
    private final Counter deviceSeconds;
    private final Counter expired;
    private final Map<String, Counter> costs = new ConcurrentHashMap<>(); // by currency

    public RequestSeries(MeterRegistry registry, String model) {
        this.registry = registry;
        ours = Tags.of("model", model);
        vllms = Tags.of("model_name", model, "engine", "0");
        queue = timers("request_queue_time", "From admission to the first block.", TIMES);
        prefill = timers("request_prefill_time", "From the first block to the first token.", TIMES);
        decode = timers("request_decode_time", "From the first token to the last.", TIMES);
        inference = timers("request_inference_time", "From the first block to the last token.", TIMES);
        tokenTime = timers(
                "request_time_per_output_token", "From the first token to the last, over those between.", TOKEN_TIMES);
        promptTokens = sizes("request_prompt_tokens", "Prompt tokens.", TOKENS);
        outputTokens = sizes("request_generation_tokens", "Output tokens of all choices.", TOKENS);
        outputTokensMax = List.of(
                size("sluice_request_params_max_tokens", "The most output tokens of a choice.", ours, TOKENS),
                size("vllm:request_params_max_tokens", "As vLLM.", vllms, TOKENS),
                size("vllm:request_max_num_generation_tokens", "As vLLM.", vllms, TOKENS));
        choices = sizes("request_params_n", "Choices.", CHOICES);
        computedPromptTokens =
                sizes("request_prefill_kv_computed_tokens", "Prompt tokens not found in the prefix cache.", TOKENS);
        String source = "vllm:prompt_tokens_by_source";
        computedLocally = counter(source, "As vLLM.", vllms.and("source", "local_compute"));
        foundLocally = counter(source, "As vLLM.", vllms.and("source", "local_cache_hit"));
        deviceSeconds = counter("sluice_request_device_seconds", "Time of steps, of ended requests.", ours);
        expired = counter("sluice_choices_expired", "Choices whose deadline passed.", ours);
    }

    /// Begins to count one request.
    public RequestMeter begin() {
        return new One();
    }

    private final class One implements RequestMeter {
        private List<Timeline> timelines = List.of();
        private int choiceCount;

        @Override
        public void admitted(Admitted admitted) {
            timelines = admitted.timelines();
            choiceCount = admitted.choices();
        }

        @Override
        public void refused(String reason) {}

        @Override
        public void firstToken(long waitNs) {}

        @Override
        public void furtherTokens(int count, long gapNs) {}

        @Override
        public void finished(Finish finish) {
            if (finish instanceof Finish.Expired) expired.increment();
        }

        @Override
        public void completed(long durationNs) {}

        @Override
        public void ended(Usage usage) {
            for (Timeline timeline : timelines) count(timeline, usage);
            record(promptTokens, usage.prompt());
            record(outputTokens, usage.completion());
            record(choices, choiceCount);
            int computed = usage.prompt() - usage.cached();
            record(computedPromptTokens, computed);
            computedLocally.increment(computed);
            foundLocally.increment(usage.cached());
            charge(usage.expense());
        }

        private void count(Timeline timeline, Usage usage) {
            record(outputTokensMax, timeline.request().maxNewTokens());
            if (timeline.startedNs() == Timeline.NOT_YET) return;
            record(queue, timeline.startedNs() - timeline.admittedNs());
            if (timeline.endedNs() != Timeline.NOT_YET) {
                record(inference, timeline.endedNs() - timeline.startedNs());
            }
            if (timeline.firstTokenNs() == Timeline.NOT_YET) return;
            record(prefill, timeline.firstTokenNs() - timeline.startedNs());
            if (timeline.endedNs() == Timeline.NOT_YET) return;
            long decodeNs = timeline.endedNs() - timeline.firstTokenNs();
            record(decode, decodeNs);
            int each = usage.completion() / Math.max(1, choiceCount);
            if (each > 1) record(tokenTime, decodeNs / (each - 1));
        }
    }

    private void charge(Expense expense) {
        deviceSeconds.increment(expense.deviceNs() / 1e9);
        if (!expense.isPriced()) return;
        if (!costs.containsKey(expense.currency()) && costs.size() >= CURRENCIES_MAX) return;
        costs.computeIfAbsent(
                        expense.currency(),
                        currency -> counter(
                                "sluice_cost",
                                "Of ended requests, by the price table.",
                                ours.and("currency", currency)))
                .increment(expense.cost());
    }

    private static void record(List<Timer> timers, long ns) {
        for (Timer timer : timers) timer.record(ns, TimeUnit.NANOSECONDS);
    }

    private static void record(List<DistributionSummary> sizes, int size) {
        for (DistributionSummary summary : sizes) summary.record(size);
    }

    private List<Timer> timers(String name, String description, Duration[] buckets) {
        return List.of(
                timer("sluice_" + name, description, ours, buckets), timer("vllm:" + name, "As vLLM.", vllms, buckets));
    }

    private Timer timer(String name, String description, Tags tags, Duration[] buckets) {
        return Timer.builder(name)
                .description(description)
                .serviceLevelObjectives(buckets)
                .tags(tags)
                .register(registry);
    }

    private List<DistributionSummary> sizes(String name, String description, double[] buckets) {
        return List.of(
                size("sluice_" + name, description, ours, buckets), size("vllm:" + name, "As vLLM.", vllms, buckets));
    }

    private DistributionSummary size(String name, String description, Tags tags, double[] buckets) {
        return DistributionSummary.builder(name)
                .description(description)
                .serviceLevelObjectives(buckets)
                .tags(tags)
                .register(registry);
    }

    private Counter counter(String name, String description, Tags tags) {
        return Counter.builder(name).description(description).tags(tags).register(registry);
    }

    private static Duration[] seconds(double... seconds) {
        return Arrays.stream(seconds)
                .mapToObj(value -> Duration.ofNanos(Math.round(value * 1e9)))
                .toArray(Duration[]::new);
    }
}
