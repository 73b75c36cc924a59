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
/// owner. The oldest give way. Any thread.
public final class ResponseStore {

    /// The part of all places, and of all bytes, that one owner may have, so that none loses its responses to another.
    private static final int OWNERS_PART = 4;

    /// Of all conversations and answers together, as JSON; in memory they take about three times as much.
    private static final long BYTES_MAX = 64L << 20;

    private final int responsesMax;
    private final Duration retention;
    private final LongSupplier clock;
    private final Map<String, Kept> byId = new LinkedHashMap<>(); // oldest first; guarded by this
    private final Map<String, Share> shares = new HashMap<>(); // by owner; guarded by this
    private long bytes; // guarded by this

    /// A kept response. A value.
    ///
    /// @param conversation all that was said, the answer included, as messages of chat completions; no instructions
    /// @param json the response as its client got it
    /// @param size of both, in letters
    record Kept(String id, String owner, List<Object> conversation, byte[] json, long size, long keptNs) {}

    /// What one owner has here. A value.
    private record Share(int count, long bytes) {
        private static final Share NOTHING = new Share(0, 0);

        Share with(Kept kept) {
            return new Share(count + 1, bytes + kept.size());
        }

        Share without(Kept kept) {
            return new Share(count - 1, bytes - kept.size());
        }
    }

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

    void keep(String id, String owner, List<Object> conversation, byte[] json) {
        long size = json.length + (long) conversation.toString().length();
        keep(new Kept(id, owner, List.copyOf(conversation), json, size, clock.getAsLong()));
    }

    private synchronized void keep(Kept kept) {
        if (!keeps() || kept.size() > BYTES_MAX / OWNERS_PART) return;
        forgetOld();
        while (!hasRoomFor(kept)) forgetOldest(kept.owner());
        byId.put(kept.id(), kept);
        shares.merge(kept.owner(), Share.NOTHING.with(kept), (share, _) -> share.with(kept));
        bytes += kept.size();
        while (byId.size() > responsesMax || bytes > BYTES_MAX) {
            forget(byId.values().iterator().next());
        }
    }

    /// Where there are no keys, all is one owner's.
    private boolean hasRoomFor(Kept kept) {
        int part = kept.owner().isEmpty() ? 1 : OWNERS_PART;
        Share share = shares.getOrDefault(kept.owner(), Share.NOTHING).with(kept);
        return share.count() <= Math.max(1, responsesMax / part) && share.bytes() <= BYTES_MAX / part;
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
        shares.computeIfPresent(kept.owner(), (_, share) -> share.count() == 1 ? null : share.without(kept));
    }
}
