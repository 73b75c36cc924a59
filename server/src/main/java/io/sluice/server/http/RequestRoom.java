package io.sluice.server.http;

import io.helidon.http.DirectHandler;
import io.helidon.http.RequestException;
import io.helidon.http.Status;
import java.util.concurrent.atomic.AtomicLong;

/// Decides how much of requests may be in memory while they are still on their way: of one, and of all of a listener's
/// together. Everything that comes counts, whoever sent it and whatever it turns out to be. Any thread.
public final class RequestRoom {

    /// What takes no room that another may need: a head, or a short request, which arrives whatever others do.
    static final int SHORT_BYTES = 16 * 1024;

    /// Of a body of the longest length: its head, and what it takes to send it in small chunks.
    private static final int OVERHEAD = 2;

    /// What a piece takes beside its bytes, which may be one alone.
    private static final int PIECE_BYTES = 64;

    private final long requestMax;
    private final long bytesMax;
    private final AtomicLong taken = new AtomicLong();

    /// @param bodyMax the longest body
    /// @param bytesMax of all requests that are on their way; room for one there always is
    public RequestRoom(long bodyMax, long bytesMax) {
        this.requestMax = OVERHEAD * bodyMax + SHORT_BYTES;
        this.bytesMax = Math.max(requestMax, bytesMax);
    }

    /// Bytes of all requests that are on their way, but for their short beginnings.
    public long taken() {
        return taken.get();
    }

    /// A share of the room, empty at first.
    Share share() {
        return new Share();
    }

    /// What the request takes that is on its way on one connection. One thread.
    final class Share {
        private long bytes;
        private long counted; // but for the short beginning

        private Share() {}

        /// A piece has come.
        ///
        /// @throws RequestException 413 if it is too much of one request, 503 if too much of others is here
        void add(int length) {
            bytes += length + PIECE_BYTES;
            if (bytes > requestMax) throw refusal(Status.REQUEST_ENTITY_TOO_LARGE_413);
            long more = bytes - SHORT_BYTES - counted;
            if (more <= 0) return;
            if (taken.addAndGet(more) > bytesMax) {
                taken.addAndGet(-more);
                throw refusal(Status.SERVICE_UNAVAILABLE_503);
            }
            counted += more;
        }

        /// Nothing of it is on its way any more.
        void clear() {
            taken.addAndGet(-counted);
            counted = 0;
            bytes = 0;
        }
    }

    private static RequestException refusal(Status status) {
        return RequestException.builder()
                .type(DirectHandler.EventType.OTHER)
                .status(status)
                .setKeepAlive(false)
                .message(status.reasonPhrase())
                .build();
    }
}
