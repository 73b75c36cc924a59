package io.sluice.server.records;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.LongSupplier;
import java.util.function.Predicate;

/// Remembers the requests under way and the latest of those that are over, for whoever asks what became of one. Any
/// thread.
public final class RequestLog {

    /// Requests that are over; about two kilobytes each.
    public static final int RECENT_MAX = 4096;

    /// Who is told of each request that is over. Called on its thread; must not wait.
    public interface Audience {
        Audience NOBODY = new Audience() {
            @Override
            public boolean wantsContents() {
                return false;
            }

            @Override
            public void ended(RequestRecord record, Contents contents) {}
        };

        boolean wantsContents();

        /// A request is over.
        ///
        /// @param contents nothing, unless they are wanted
        void ended(RequestRecord record, Contents contents);
    }

    private volatile Audience audience = Audience.NOBODY;
    private final LongSupplier clock; // the engine's
    private final int recentMax;
    private final Set<RequestRecord> live = new LinkedHashSet<>(); // bounded by the connections
    private final Deque<RequestRecord> recent = new ArrayDeque<>(); // oldest first
    private final Map<String, RequestRecord> byId = new HashMap<>(); // by both ids of each; of equal ids the latest

    public RequestLog(LongSupplier clock) {
        this(clock, RECENT_MAX);
    }

    RequestLog(LongSupplier clock, int recentMax) {
        this.clock = clock;
        this.recentMax = recentMax;
    }

    /// A request has arrived.
    public RequestRecord begin(RequestRecord.Opening opening) {
        RequestRecord begun = new RequestRecord(this, clock, opening);
        synchronized (this) {
            live.add(begun);
            byId.put(opening.requestId(), begun);
        }
        return begun;
    }

    synchronized void name(RequestRecord named, String answerId) {
        if (live.contains(named)) byId.put(answerId, named);
    }

    void end(RequestRecord ended, Contents contents) {
        synchronized (this) {
            if (!live.remove(ended)) return;
            recent.addLast(ended);
            if (recent.size() > recentMax) forget(recent.removeFirst());
        }
        audience.ended(ended, contents);
    }

    /// Tells somebody of each request that is over; once, before there are any.
    public void tell(Audience whom) {
        audience = whom;
    }

    boolean wantsContents() {
        return audience.wantsContents();
    }

    private void forget(RequestRecord oldest) {
        byId.remove(oldest.opening().requestId(), oldest);
        oldest.details().ifPresent(details -> byId.remove(details.answerId(), oldest));
    }

    /// By the request's id or by its answer's.
    public synchronized Optional<RequestRecord> find(String id) {
        return Optional.ofNullable(byId.get(id));
    }

    /// Those under way, oldest first.
    public synchronized List<RequestRecord> live() {
        return List.copyOf(live);
    }

    /// The latest ones: those under way, then those that are over, each newest first.
    public synchronized List<RequestRecord> newest(int limit) {
        List<RequestRecord> all = new ArrayList<>(recent);
        all.addAll(live);
        Collections.reverse(all);
        return List.copyOf(all.subList(0, Math.min(limit, all.size())));
    }

    /// Ends those whose key is not accepted any more.
    ///
    /// @return how many
    public int revoke(Predicate<String> keyId) {
        List<RequestRecord> revoked = live().stream()
                .filter(record -> record.opening().keyId().filter(keyId).isPresent())
                .toList();
        revoked.forEach(RequestRecord::revoke);
        return revoked.size();
    }
}
