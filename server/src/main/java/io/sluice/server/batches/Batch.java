package io.sluice.server.batches;

import io.sluice.server.http.JsonText;
import io.sluice.server.openai.Fields;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// A batch as it stands: what clients see of it, and whose it is. Any thread.
final class Batch {
    static final String KIND = "batch";
    private static final Pattern ID = Pattern.compile("batch_[0-9a-f]{32}");
    private static final Set<String> OVER = Set.of("failed", "completed", "expired", "cancelled");
    private static final Set<String> UNDER_WAY = Set.of("validating", "in_progress", "finalizing", "cancelling");

    private final String owner;
    private final Map<String, Object> view; // guarded by this
    private long completed; // lines; guarded by this
    private long failed; // lines; guarded by this
    private long total; // guarded by this

    /// What is asked for. A value.
    record Wish(String inputFile, String endpoint, String window, Map<String, String> metadata) {}

    private Batch(String owner, Map<String, Object> view) {
        this.owner = owner;
        this.view = view;
    }

    /// One that begins.
    ///
    /// @param expiresSecond after which no line is computed
    static Batch begin(String id, String owner, Wish wish, long nowSecond, long expiresSecond) {
        Map<String, Object> view = new LinkedHashMap<>();
        view.put("id", id);
        view.put("object", KIND);
        view.put("endpoint", wish.endpoint());
        view.put("input_file_id", wish.inputFile());
        view.put("completion_window", wish.window());
        view.put("status", "validating");
        view.put("created_at", nowSecond);
        view.put("expires_at", expiresSecond);
        view.put("metadata", wish.metadata());
        return new Batch(owner, view);
    }

    /// True if a description is one of a batch, with all that is needed to go on with it.
    static boolean isOne(String id, Fields description, Fields view) {
        String status = text(view, "status");
        return KIND.equals(description.string("kind"))
                && ID.matcher(id).matches()
                && (OVER.contains(status) || UNDER_WAY.contains(status))
                && view.string("input_file_id") != null
                && view.string("endpoint") != null
                && number(view, "expires_at") > 0;
    }

    /// One that was kept.
    static Batch of(String owner, Map<String, Object> view) {
        Batch batch = new Batch(owner, new LinkedHashMap<>(view));
        if (view.get("request_counts") instanceof Map<?, ?> counts) {
            Fields fields = new Fields(Fields.asObject(counts), "");
            batch.count(number(fields, "total"), number(fields, "completed"), number(fields, "failed"));
        }
        return batch;
    }

    String owner() {
        return owner;
    }

    synchronized String text(String field) {
        return String.valueOf(view.get(field));
    }

    synchronized long number(String field) {
        return view.get(field) instanceof Number number ? number.longValue() : 0;
    }

    synchronized boolean isOver() {
        return OVER.contains(text("status"));
    }

    /// Says what it is now, and since when.
    synchronized void become(String status, long nowSecond) {
        view.put("status", status);
        view.put(status + "_at", nowSecond);
    }

    synchronized void put(String field, Object value) {
        view.put(field, value);
    }

    synchronized void count(long lines, long good, long bad) {
        total = lines;
        completed = good;
        failed = bad;
    }

    synchronized void countLine(boolean good) {
        if (good) completed++;
        else failed++;
    }

    /// As clients see it.
    synchronized Map<String, Object> view() {
        Map<String, Object> all = new LinkedHashMap<>(view);
        for (String field : List.of("errors", "output_file_id", "error_file_id"))
            all.putIfAbsent(field, Optional.empty());
        all.put("request_counts", Map.of("total", total, "completed", completed, "failed", failed));
        return all;
    }

    byte[] description() {
        return JsonText.of(Map.of("kind", KIND, "owner", owner, "view", view()));
    }

    static String text(Fields fields, String name) {
        @Nullable String text = fields.string(name);
        return text == null ? "" : text;
    }

    static long number(Fields fields, String name) {
        return fields.any(name) instanceof Long number ? number : 0;
    }
}
