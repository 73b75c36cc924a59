package io.sluice.server.responses;

import io.sluice.server.http.ApiError;
import java.time.Duration;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.LongSupplier;

/// Keeps responses that clients may refer to, in this process alone: so many, so many bytes, so long, each for its
/// owner.
/// The oldest give way. Any thread.
public final class ResponseStore {

    /// The part of all places that one owner may have, so that none loses its responses to another.
    private static final int OWNERS_PART = 4;

    /// Of all conversations and answers together, as JSON; in memory they take about three times as much.
    private static final long BYTES_MAX = 64L << 20;

    private final int responsesMax;
    private final Duration retention;
    private final LongSupplier clock;
    private final Map<String, Kept> byId = new LinkedHashMap<>(); // oldest first; guarded by this
    private final Map<String, Integer> counts = new HashMap<>(); // by owner; guarded by this
    private long bytes; // guarded by this

    /// A kept response. A value.
    ///
    /// @param conversation all that was said, the answer included, as messages of chat completions; no instructions
    /// @param json the response as its client got it
    /// @param size of both, in letters
    record Kept(String id, String owner, List<Object> conversation, byte[] json, long size, long keptNs) {}

    /// @param responsesMax how many are kept at once; none if 0
    /// @param clock nanoseconds
    public ResponseStore(int responsesMax, Duration retention, LongSupplier clock) {
        this.responsesMax = responsesMax;
        this.retention = retention;
        this.clock = clock;
    }

    /// True if responses are kept at all.
    boolean keeps() {
        return responsesMax > 0;
    }

    synchronized void keep(String id, String owner, List<Object> conversation, byte[] json) {
        Kept kept = new Kept(
                id,
                owner,
                List.copyOf(conversation),
                json,
                json.length + (long) conversation.toString().length(),
                clock.getAsLong());
        if (!keeps() || kept.size() > BYTES_MAX / OWNERS_PART) return;
        forgetOld();
        int ownersMax = owner.isEmpty() ? responsesMax : Math.max(1, responsesMax / OWNERS_PART);
        if (counts.getOrDefault(owner, 0) >= ownersMax) forgetOldest(owner);
        byId.put(id, kept);
        counts.merge(owner, 1, Integer::sum);
        bytes += kept.size();
        while (byId.size() > responsesMax || bytes > BYTES_MAX) {
            forget(byId.values().iterator().next());
        }
    }

    /// The response of that name, if it is kept here and for this owner.
    synchronized Optional<Kept> find(String id, String owner) {
        forgetOld();
        return Optional.ofNullable(byId.get(id)).filter(kept -> kept.owner().equals(owner));
    }

    /// Forgets one.
    ///
    /// @return false if it is not here
    synchronized boolean delete(String id, String owner) {
        Optional<Kept> kept = find(id, owner);
        kept.ifPresent(this::forget);
        return kept.isPresent();
    }

    /// The same words whether it never was, is no more, lives elsewhere or is somebody else's.
    ///
    /// @param field what names it
    ApiError notHere(String field, String id) {
        return ApiError.invalid(
                404,
                field,
                "response_not_here",
                "The response \"" + (id.length() <= 64 ? id : id.substring(0, 64) + "…")
                        + "\" is not here for this key. Responses are kept on the server instance that made them, for "
                        + retention.toSeconds() + " s (--response-retention), at most " + responsesMax
                        + " of them (--max-stored-responses); a restart forgets them.");
    }

    private void forgetOld() {
        long nowNs = clock.getAsLong();
        while (!byId.isEmpty()) {
            Kept oldest = byId.values().iterator().next();
            if (nowNs - oldest.keptNs() < retention.toNanos()) return;
            forget(oldest);
        }
    }

    private void forgetOldest(String owner) {
        for (Kept kept : byId.values()) {
            if (!kept.owner().equals(owner)) continue;
            forget(kept);
            return;
        }
    }

    private void forget(Kept kept) {
        if (!byId.remove(kept.id(), kept)) return;
        bytes -= kept.size();
        counts.computeIfPresent(kept.owner(), (_, count) -> count == 1 ? null : count - 1);
    }
}
