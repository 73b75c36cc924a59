package io.sluice.server.openai;

import io.sluice.server.generation.Generation;
import io.sluice.server.http.ApiError;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// Keeps the streams that clients may come back to: so many, so long, each for its owner. Any thread.
///
/// A kept stream holds its tokens: 4 bytes each, with log-probabilities and twenty alternatives 172, and the arrays may
/// be twice as long as what is in them. At the defaults, 256 streams of at most 2048 tokens, that is 4 MiB, with all
/// log-probabilities 172 MiB.
public final class ResumableStreams {

    /// The part of all streams that one owner may have, so that none is without a place because of another.
    private static final int OWNERS_PART = 4;

    private static final int ID_BYTES = 16; // nobody guesses another's

    private final int streamsMax;
    private final Duration grace;
    private final SecureRandom random = new SecureRandom();
    private final Map<String, ResumableStream> byId = new LinkedHashMap<>(); // oldest first; guarded by this
    private final Map<String, Integer> taken = new HashMap<>(); // places by owner; guarded by this
    private int takenCount; // guarded by this

    /// @param streamsMax how many are kept at once; none if 0
    /// @param grace how long a stream is kept without a reader, and after its end
    public ResumableStreams(int streamsMax, Duration grace) {
        this.streamsMax = streamsMax;
        this.grace = grace;
    }

    Duration grace() {
        return grace;
    }

    /// Takes a place for a stream that is going to begin. If there is none, streams that have ended give way,
    /// the oldest first.
    ///
    /// @throws ApiError if all are taken by streams that go on
    synchronized Place reserve(String owner) {
        if (streamsMax == 0) {
            throw ApiError.invalid(ResumableHeader.NAME, "This server keeps no streams (--max-resumable-streams 0).");
        }
        int ownersMax = owner.equals(StreamOwners.ANYBODY) ? streamsMax : Math.max(1, streamsMax / OWNERS_PART);
        if (taken.getOrDefault(owner, 0) >= ownersMax && !dropOldestEnded(owner)) {
            throw ApiError.overQuota(
                    "too_many_streams",
                    "This key has " + ownersMax + " resumable streams already, the most that are kept for one.",
                    grace);
        }
        if (takenCount >= streamsMax && !dropOldestEnded(null)) {
            throw ApiError.unavailable(
                    "too_many_streams",
                    "There are " + streamsMax + " resumable streams already, the most that are kept.",
                    grace);
        }
        takenCount++;
        taken.merge(owner, 1, Integer::sum);
        return new Place(owner);
    }

    private boolean dropOldestEnded(@Nullable String owner) {
        for (ResumableStream stream : byId.values()) {
            if ((owner == null || owner.equals(stream.owner())) && stream.dropIfDelivered()) {
                remove(stream);
                return true;
            }
        }
        return false;
    }

    /// The stream of that name, if it is kept here and for this owner.
    synchronized Optional<ResumableStream> find(String id, String owner) {
        return Optional.ofNullable(byId.get(id)).filter(stream -> stream.owner().equals(owner));
    }

    /// The same words whether the stream never was, is no more, lives elsewhere or is somebody else's.
    ApiError notHere() {
        return ApiError.invalid(
                404,
                "id",
                "stream_not_here",
                "No such stream is here for this key. A stream lives on the server instance that began it, for the key"
                        + " that asked for it, and for " + grace.toMillis() / 1000.0
                        + " s after its last reader has left (--stream-grace).");
    }

    /// Forgets the stream and frees its place.
    synchronized void remove(ResumableStream stream) {
        if (byId.remove(stream.id(), stream)) free(stream.owner());
    }

    private void free(String owner) {
        takenCount--;
        taken.computeIfPresent(owner, (_, count) -> count == 1 ? null : count - 1);
    }

    /// Streams that are kept, or about to begin.
    public synchronized int count() {
        return takenCount;
    }

    private synchronized ResumableStream keep(String owner, Generation generation, Streaming.Shape shape) {
        byte[] id = new byte[ID_BYTES];
        random.nextBytes(id);
        String name = "stream-" + HexFormat.of().formatHex(id);
        ResumableStream stream = new ResumableStream(name, owner, generation, shape, this);
        byId.put(name, stream);
        return stream;
    }

    /// A place that was taken: for a stream, or to be given back.
    final class Place implements AutoCloseable {
        private final String owner;
        private boolean used;

        private Place(String owner) {
            this.owner = owner;
        }

        /// Fills the place.
        ResumableStream keep(Generation generation, Streaming.Shape shape) {
            used = true;
            return ResumableStreams.this.keep(owner, generation, shape);
        }

        /// Gives the place back if no stream took it.
        @Override
        public void close() {
            if (used) return;
            used = true;
            synchronized (ResumableStreams.this) {
                free(owner);
            }
        }
    }
}
