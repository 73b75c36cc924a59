package io.sluice.server.admin;

import io.sluice.batching.Engine;
import io.sluice.batching.EngineStats;
import io.sluice.batching.ModelLimits;
import io.sluice.server.http.JsonText.Millis;
import io.sluice.server.records.Decision;
import io.sluice.server.records.EnginePart;
import io.sluice.server.records.RequestLog;
import io.sluice.server.records.RequestRecord;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Shows the live queue: what the engine counts, and the admitted requests, oldest first. Any thread.
///
/// `requests` is the place for the engine's own order, with a row per sequence, once the engine tells it.
final class QueueView {

    /// More than any queue that a person looks through.
    private static final int SHOWN_MAX = 1000;

    private QueueView() {}

    static Map<String, Object> of(Engine engine, RequestLog log) {
        EngineStats stats = engine.stats();
        ModelLimits limits = engine.limits();
        Map<String, Object> blocks = new LinkedHashMap<>();
        blocks.put("total", limits.blockCount());
        blocks.put("used", stats.blocks().used());
        blocks.put("free", stats.blocks().free());
        blocks.put("cached", stats.blocks().cached());
        Map<String, Object> view = new LinkedHashMap<>();
        view.put("running_sequences", stats.running());
        view.put("waiting_sequences", stats.waiting());
        view.put("kv_blocks", blocks);
        view.put("steps", stats.work().steps());
        view.put("latest_step_ms", new Millis(stats.stepNs()));
        view.put("latest_step_tokens", stats.stepTokens());
        view.put("requests", requests(engine.nowNs(), log));
        return view;
    }

    private static List<Map<String, Object>> requests(long nowNs, RequestLog log) {
        return log.live().stream()
                .filter(record -> record.decision() instanceof Decision.Admitted)
                .limit(SHOWN_MAX)
                .map(record -> row(nowNs, record))
                .toList();
    }

    private static Map<String, Object> row(long nowNs, RequestRecord record) {
        List<EnginePart> parts = record.parts();
        Map<String, Object> row = RequestView.brief(record);
        row.put("age_ms", new Millis(nowNs - record.arrivedNs()));
        row.put(
                "prompt_tokens",
                parts.stream().mapToInt(EnginePart::promptTokens).sum());
        row.put(
                "computed_tokens",
                parts.stream().mapToLong(part -> part.work().computedTokens()).sum());
        row.put(
                "requests_ahead_at_admission",
                parts.stream()
                        .mapToInt(part -> part.forecast().requestsAhead())
                        .max()
                        .orElse(0));
        return row;
    }
}
