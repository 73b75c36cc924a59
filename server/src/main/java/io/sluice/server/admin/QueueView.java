package io.sluice.server.admin;

import io.sluice.batching.EngineStats;
import io.sluice.batching.Engines;
import io.sluice.batching.ModelLimits;
import io.sluice.batching.SequenceState;
import io.sluice.server.http.JsonText.Millis;
import io.sluice.server.records.Decision;
import io.sluice.server.records.EnginePart;
import io.sluice.server.records.RequestLog;
import io.sluice.server.records.RequestRecord;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/// Shows the live queue: what the engine counts, each class, the sequences as the engine sees them between
/// two steps, and the admitted requests, oldest first. Any thread.
final class QueueView {

    /// More than any queue that a person looks through.
    private static final int SHOWN_MAX = 1000;

    /// For the step under way. A longer one is worth knowing of, too.
    private static final Duration ANSWER_WITHIN = Duration.ofSeconds(2);

    private QueueView() {}

    static Map<String, Object> of(Engines engine, RequestLog log) throws InterruptedException {
        Optional<List<SequenceState>> sequences = engine.sequences(ANSWER_WITHIN);
        EngineStats stats = engine.stats();
        Map<String, Object> view = new LinkedHashMap<>();
        view.put("running_sequences", stats.running());
        view.put("waiting_sequences", stats.waiting());
        view.put("parked_sequences", stats.parked());
        view.put("paused_sequences", stats.paused());
        view.put("kv_blocks", blocks(engine.limits(), stats.blocks()));
        view.put("steps", stats.work().steps());
        view.put("latest_step_ms", new Millis(stats.stepNs()));
        view.put("latest_step_tokens", stats.stepTokens());
        view.put("engine_answers", sequences.isPresent());
        view.put("classes", stats.classes().stream().map(QueueView::row).toList());
        view.put(
                "sequences",
                sequences.orElse(List.of()).stream().map(QueueView::row).toList());
        view.put("requests", requests(engine.nowNs(), log));
        return view;
    }

    private static Map<String, Object> blocks(ModelLimits limits, EngineStats.Blocks counts) {
        Map<String, Object> blocks = new LinkedHashMap<>();
        blocks.put("total", limits.blockCount());
        blocks.put("used", counts.used());
        blocks.put("free", counts.free());
        blocks.put("cached", counts.cached());
        blocks.put("expected", counts.expected());
        blocks.put("leaked", counts.leaked());
        blocks.put("host_total", limits.hostBlockCount());
        blocks.put("host_used", counts.hostUsed());
        return blocks;
    }

    private static Map<String, Object> row(EngineStats.ClassLoad load) {
        Map<String, Object> row = new LinkedHashMap<>();
        row.put("class", load.name());
        row.put("running_sequences", load.running());
        row.put("waiting_requests", load.waitingRequests());
        row.put("predicted_wait_ms", new Millis(load.waitNs()));
        return row;
    }

    private static Map<String, Object> row(SequenceState sequence) {
        Map<String, Object> row = new LinkedHashMap<>();
        row.put("id", sequence.requestId());
        row.put("choice", sequence.choice());
        row.put("tenant", sequence.tenant());
        row.put("class", sequence.trafficClass());
        row.put("state", sequence.phase().name().toLowerCase(Locale.ROOT));
        row.put("prompt_tokens", sequence.promptTokens());
        row.put("computed_tokens", sequence.computedTokens());
        row.put("sampled_tokens", sequence.sampledTokens());
        row.put("output_tokens_max", sequence.outputTokensMax());
        row.put("kv_blocks", sequence.blocks());
        row.put("host_blocks", sequence.hostBlocks());
        row.put("reserved_tokens", sequence.reservedTokens());
        row.put("age_ms", new Millis(sequence.sinceArrivalNs()));
        return row;
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
