package io.sluice.server.metrics;

import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.sluice.batching.EngineStats.Speculated;
import io.sluice.batching.Engines;
import io.sluice.batching.SpeculationSettings;
import java.util.function.ToDoubleFunction;

/// What was guessed of answers, how much of it was right, and why nothing was guessed: under our own names and under
/// vLLM's. Any thread.
public final class SpeculationMeters {
    private final MeterRegistry registry;
    private final Engines engine;

    private SpeculationMeters(MeterRegistry registry, Engines engine) {
        this.registry = registry;
        this.engine = engine;
    }

    /// Adds the meters, once.
    public static void register(MeterRegistry registry, Engines engine, Tags ours, Tags vllms) {
        SpeculationMeters meters = new SpeculationMeters(registry, engine);
        meters.total("sluice_speculation_drafts", "Times that tokens were guessed.", ours, Speculated::drafts);
        meters.total("sluice_speculation_tokens", "Tokens that were guessed.", ours, Speculated::proposed);
        meters.total(
                "sluice_speculation_tokens_accepted",
                "Of those, the ones that were right.",
                ours,
                Speculated::accepted);
        meters.held(ours, "load", Speculated::heldByLoad);
        meters.held(ours, "acceptance", Speculated::heldByAcceptance);
        meters.held(ours, "prompts", Speculated::heldByPrompts);
        meters.held(ours, "nothing_found", Speculated::nothingFound);
        Gauge.builder(
                        "sluice_speculation_acceptance_ratio",
                        engine,
                        e -> e.stats().speculated().acceptance())
                .description("How likely a guess is to be right, by the latest; 0 if nothing is guessed.")
                .tags(ours)
                .register(registry);
        meters.total("vllm:spec_decode_num_drafts", "As vLLM.", vllms, Speculated::drafts);
        meters.total("vllm:spec_decode_num_draft_tokens", "As vLLM.", vllms, Speculated::proposed);
        meters.total("vllm:spec_decode_num_accepted_tokens", "As vLLM.", vllms, Speculated::accepted);
        for (int position = 0; position < SpeculationSettings.TOKENS_MAX; position++) {
            int at = position;
            meters.total(
                    "vllm:spec_decode_num_accepted_tokens_per_pos",
                    "As vLLM.",
                    vllms.and("position", Integer.toString(position)),
                    speculated -> speculated.acceptedAt().at(at));
        }
    }

    private void held(Tags tags, String reason, ToDoubleFunction<Speculated> value) {
        total(
                "sluice_speculation_held",
                "Times that nothing was guessed for an answer that could have had it.",
                tags.and("reason", reason),
                value);
    }

    private void total(String name, String description, Tags tags, ToDoubleFunction<Speculated> value) {
        FunctionCounter.builder(name, engine, e -> value.applyAsDouble(e.stats().speculated()))
                .description(description)
                .tags(tags)
                .register(registry);
    }
}
