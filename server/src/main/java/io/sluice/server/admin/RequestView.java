package io.sluice.server.admin;

import io.sluice.batching.SamplingParams;
import io.sluice.server.generation.Expense;
import io.sluice.server.generation.Usage;
import io.sluice.server.http.JsonText.Millis;
import io.sluice.server.records.Decision;
import io.sluice.server.records.EnginePart;
import io.sluice.server.records.RequestLog;
import io.sluice.server.records.RequestRecord;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Shows what is remembered of a request, with all times as milliseconds since its arrival. Any thread.
public final class RequestView {
    private RequestView() {}

    /// Enough for a list.
    static Map<String, Object> brief(RequestRecord record) {
        Map<String, Object> view = new LinkedHashMap<>();
        view.put("id", record.opening().requestId());
        view.put("answer_id", record.details().map(RequestRecord.Asked::answerId));
        view.put("state", state(record));
        view.put("path", record.opening().path());
        view.put("arrived_at", record.opening().arrivedAt());
        view.put("tenant", record.opening().tenant());
        view.put("key", record.opening().keyId());
        view.put("trace_id", record.opening().traceId());
        view.put("class", record.details().map(RequestRecord.Asked::trafficClass));
        return view;
    }

    /// Everything, with whom it waited for and with.
    static Map<String, Object> full(RequestRecord record, RequestLog log) {
        Map<String, Object> view = told(record);
        view.put("queue", QueueCompany.of(record, log));
        return view;
    }

    /// What is remembered of the request itself.
    public static Map<String, Object> told(RequestRecord record) {
        Map<String, Object> view = brief(record);
        record.details().ifPresent(details -> {
            view.put("ttft_deadline_ms", details.firstTokenWithinMs());
            view.put("deadline_ms", details.withinMs());
            view.put("tokens_wanted_at_least", details.tokensWanted());
            view.put("user", details.user());
            view.put("metadata", details.metadata());
        });
        view.put("tokenised_ms", since(record, record.tokenisedNs()));
        view.put("decision", decision(record));
        view.put("first_token_ms", since(record, record.firstTokenNs()));
        view.put("ended_ms", since(record, record.endedNs()));
        view.put("endings", record.endings());
        view.put("usage", record.usage().map(RequestView::usage));
        view.put(
                "prompts",
                record.parts().stream().map(part -> part(record, part)).toList());
        return view;
    }

    static String state(RequestRecord record) {
        return switch (record.decision()) {
            case Decision.Pending() -> record.isOver() ? "broken off" : "arriving";
            case Decision.Refused _ -> "refused";
            case Decision.Answered _ -> "over";
            case Decision.Admitted _ -> {
                if (record.isOver()) yield "over";
                boolean started = record.parts().stream().anyMatch(part -> part.startedNs() != EnginePart.NOT_YET);
                yield started ? "running" : "waiting";
            }
        };
    }

    private static Map<String, Object> decision(RequestRecord record) {
        Map<String, Object> view = new LinkedHashMap<>();
        switch (record.decision()) {
            case Decision.Pending() -> view.put("admitted", Optional.empty());
            case Decision.Answered(long atNs) -> {
                view.put("admitted", true);
                view.put("at_ms", since(record, atNs));
            }
            case Decision.Admitted(long atNs, int promptTokens, int choices) -> {
                view.put("admitted", true);
                view.put("at_ms", since(record, atNs));
                view.put("prompt_tokens", promptTokens);
                view.put("choices", choices);
            }
            case Decision.Refused refused -> {
                view.put("admitted", false);
                view.put("at_ms", since(record, refused.atNs()));
                view.put("status", refused.status());
                view.put("code", Optional.ofNullable(refused.code()));
                view.put("message", refused.message());
                view.put("retry_after_ms", refused.retryAfter().map(time -> new Millis(time.toNanos())));
                view.put("sent_ms", since(record, record.refusalSentNs()));
            }
        }
        return view;
    }

    private static Map<String, Object> part(RequestRecord record, EnginePart part) {
        Map<String, Object> forecast = new LinkedHashMap<>();
        forecast.put("requests_ahead", part.forecast().requestsAhead());
        forecast.put("wait_ms", new Millis(part.forecast().waitNs()));
        forecast.put("first_token_ms", new Millis(part.forecast().firstTokenNs()));
        forecast.put("reserved_tokens", part.forecast().reservedTokens());
        Map<String, Object> happened = new LinkedHashMap<>();
        happened.put("wait_ms", between(part.admittedNs(), part.startedNs()));
        happened.put("first_token_ms", between(part.admittedNs(), part.firstTokenNs()));
        happened.put("total_ms", between(part.admittedNs(), part.endedNs()));
        Map<String, Object> view = new LinkedHashMap<>();
        view.put("prompt_tokens", part.promptTokens());
        view.put("output_tokens_max", part.outputTokensMax());
        view.put("choices", part.choices());
        view.put("shared_prefix_tokens", part.sharedPrefixTokens());
        view.put("sampling", sampling(part.sampling()));
        view.put("admitted_ms", since(record, part.admittedNs()));
        view.put("started_ms", since(record, part.startedNs()));
        view.put("first_token_ms", since(record, part.firstTokenNs()));
        view.put("ended_ms", since(record, part.endedNs()));
        view.put("forecast_at_admission", forecast);
        view.put("happened_since_admission", happened);
        EnginePart.Work work = part.work();
        view.put("cached_tokens", work.cachedTokens());
        view.put("computed_tokens", work.computedTokens());
        view.put("steps", work.steps());
        view.put("preemptions", work.preemptions());
        view.put("parks", work.parks());
        view.put("pauses", work.pauses());
        view.put("device_seconds", work.deviceNs() / 1e9);
        view.put("proposed_tokens", work.proposedTokens());
        view.put("accepted_tokens", work.acceptedTokens());
        view.put("kv_block_seconds", work.blockNs() / 1e9);
        return view;
    }

    private static Map<String, Object> usage(Usage usage) {
        Map<String, Object> view = new LinkedHashMap<>();
        view.put("prompt_tokens", usage.prompt());
        view.put("cached_tokens", usage.cached());
        view.put("completion_tokens", usage.completion());
        Expense expense = usage.expense();
        view.put("device_seconds", expense.deviceNs() / 1e9);
        view.put("kv_block_seconds", expense.blockNs() / 1e9);
        if (expense.isPriced()) {
            view.put("cost", expense.cost());
            view.put("currency", expense.currency());
        }
        return view;
    }

    private static Map<String, Object> sampling(SamplingParams params) {
        Map<String, Object> view = new LinkedHashMap<>();
        view.put("temperature", (double) params.temperature());
        view.put("top_p", (double) params.topP());
        view.put("top_k", params.topK());
        view.put("min_p", (double) params.minP());
        view.put("seed", params.seed());
        view.put("frequency_penalty", (double) params.frequencyPenalty());
        view.put("presence_penalty", (double) params.presencePenalty());
        view.put("repetition_penalty", (double) params.repetitionPenalty());
        view.put("min_tokens", params.minTokens());
        view.put("logit_biases", params.logitBias().size());
        return view;
    }

    static Optional<Millis> since(RequestRecord record, long momentNs) {
        return between(record.arrivedNs(), momentNs);
    }

    private static Optional<Millis> between(long fromNs, long momentNs) {
        return momentNs == EnginePart.NOT_YET ? Optional.empty() : Optional.of(new Millis(momentNs - fromNs));
    }

    static List<Map<String, Object>> brief(List<RequestRecord> records) {
        return records.stream().map(RequestView::brief).toList();
    }
}
