package io.sluice.server.records;

import io.sluice.batching.Timeline;
import io.sluice.batching.TokenStream;
import io.sluice.server.generation.Finish;
import io.sluice.server.generation.RequestMeter;
import io.sluice.server.generation.Usage;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.LongSupplier;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// What is remembered of one request: who asked, what was decided, what became of it. Written on the
/// request's thread, read by any.
public final class RequestRecord implements RequestMeter {

    /// Longer messages hold a client's own text.
    private static final int MESSAGE_MAX = 500;

    /// Of what a client calls its request. All records together hold at most 16 MiB of it.
    private static final int LABELS_MAX = 16;

    private static final int LABEL_MAX = 64;

    private final RequestLog log;
    private final LongSupplier clock; // the engine's
    private final Opening opening;
    private final long arrivedNs;
    private final List<String> endings = new ArrayList<>(); // one per choice; guarded by this
    private volatile @Nullable Asked asked;
    private volatile Decision decision = new Decision.Pending();
    private volatile List<Timeline> timelines = List.of(); // while it is under way
    private volatile List<TokenStream> streams = List.of(); // likewise
    private volatile List<EnginePart> finalParts = List.of(); // once it is over
    private volatile long tokenisedNs = EnginePart.NOT_YET;
    private volatile long refusalSentNs = EnginePart.NOT_YET;
    private volatile long firstTokenNs = EnginePart.NOT_YET;
    private volatile long endedNs = EnginePart.NOT_YET;
    private volatile @Nullable Usage usage;
    private @Nullable Runnable revoke; // guarded by this
    private boolean revoked; // guarded by this

    /// What is known when a request arrives. A value.
    ///
    /// @param tenant empty for a key without one
    /// @param traceId of W3C trace context, as its client gave it
    public record Opening(
            String requestId,
            String path,
            Instant arrivedAt,
            Optional<String> tenant,
            Optional<String> keyId,
            Optional<String> traceId) {

        /// Of a request that belongs to no trace.
        public Opening(
                String requestId, String path, Instant arrivedAt, Optional<String> tenant, Optional<String> keyId) {
            this(requestId, path, arrivedAt, tenant, keyId, Optional.empty());
        }
    }

    /// What is known once its body was read. A value.
    ///
    /// @param user, metadata what the client calls it
    /// @param firstTokenWithinMs, withinMs deadlines from its arrival; empty without one
    public record Asked(
            String answerId,
            String trafficClass,
            Optional<Long> firstTokenWithinMs,
            Optional<Long> withinMs,
            long tokensWanted,
            Optional<String> user,
            Map<String, String> metadata) {
        public Asked {
            user = user.map(text -> cut(text));
            metadata = metadata.entrySet().stream()
                    .limit(LABELS_MAX)
                    .collect(
                            Collectors.toUnmodifiableMap(label -> cut(label.getKey()), label -> cut(label.getValue())));
        }

        private static String cut(String text) {
            return text.length() <= LABEL_MAX ? text : text.substring(0, LABEL_MAX - 1) + "…";
        }
    }

    RequestRecord(RequestLog log, LongSupplier clock, Opening opening) {
        this.log = log;
        this.clock = clock;
        this.opening = opening;
        this.arrivedNs = clock.getAsLong();
    }

    public void asked(Asked details) {
        asked = details;
        log.name(this, details.answerId());
    }

    /// It was answered with an error before it was admitted; after that, it is the ending that counts.
    public void refused(Decision.Refused refusal) {
        if (!(decision instanceof Decision.Pending)) return;
        String message = refusal.message();
        decision = message.length() <= MESSAGE_MAX
                ? refusal
                : new Decision.Refused(
                        refusal.atNs(),
                        refusal.status(),
                        refusal.code(),
                        message.substring(0, MESSAGE_MAX) + "…",
                        refusal.retryAfter());
        close();
    }

    /// It was answered without the engine.
    public void answered() {
        decision = new Decision.Answered(clock.getAsLong());
        close();
    }

    /// The moment, for a decision.
    public long nowNs() {
        return clock.getAsLong();
    }

    /// The answer that refused it has left.
    public void refusalSent() {
        refusalSentNs = clock.getAsLong();
    }

    @Override
    public void tokenised() {
        tokenisedNs = clock.getAsLong();
    }

    @Override
    public void admitted(Admitted admitted) {
        timelines = List.copyOf(admitted.timelines());
        streams = List.copyOf(admitted.streams());
        decision = new Decision.Admitted(clock.getAsLong(), admitted.promptTokens(), admitted.choices());
        synchronized (this) {
            revoke = admitted.revoke();
            if (!revoked) return;
        }
        admitted.revoke().run();
    }

    /// The refusal that is remembered is the answer to it, with its message.
    @Override
    public void refused(String reason) {}

    @Override
    public void firstToken(long waitNs) {
        firstTokenNs = clock.getAsLong();
    }

    @Override
    public void furtherTokens(int count, long gapNs) {}

    @Override
    public synchronized void finished(Finish finish) {
        endings.add(finish.word());
    }

    @Override
    public void completed(long durationNs) {}

    @Override
    public void ended(Usage used) {
        usage = used;
        close();
    }

    /// Its key is not accepted any more: it ends, also if it is admitted only later.
    void revoke() {
        Runnable end;
        synchronized (this) {
            revoked = true;
            end = revoke;
        }
        if (end != null) end.run();
    }

    private void close() {
        finalParts = parts();
        Contents contents = log.wantsContents() ? Contents.of(timelines, streams) : Contents.NONE;
        timelines = List.of(); // they hold the prompt
        streams = List.of(); // and they the answer
        synchronized (this) {
            revoke = null; // it holds the answer
        }
        endedNs = clock.getAsLong();
        log.end(this, contents);
    }

    public Opening opening() {
        return opening;
    }

    public Optional<Asked> details() {
        return Optional.ofNullable(asked);
    }

    public Decision decision() {
        return decision;
    }

    /// What the engine did, or has done so far.
    public List<EnginePart> parts() {
        List<Timeline> live = timelines;
        return live.isEmpty() ? finalParts : live.stream().map(EnginePart::of).toList();
    }

    /// How its choices ended, in the order of their endings.
    public synchronized List<String> endings() {
        return List.copyOf(endings);
    }

    public Optional<Usage> usage() {
        return Optional.ofNullable(usage);
    }

    public boolean isOver() {
        return endedNs != EnginePart.NOT_YET;
    }

    public long arrivedNs() {
        return arrivedNs;
    }

    /// When its prompts had become tokens; `NOT_YET` if it was refused before.
    public long tokenisedNs() {
        return tokenisedNs;
    }

    /// When the answer that refused it had left.
    public long refusalSentNs() {
        return refusalSentNs;
    }

    /// When its first token was read; moments are on the engine's clock.
    public long firstTokenNs() {
        return firstTokenNs;
    }

    public long endedNs() {
        return endedNs;
    }
}
