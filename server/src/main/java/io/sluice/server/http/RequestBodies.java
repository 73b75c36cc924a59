package io.sluice.server.http;

import io.helidon.http.RequestException;
import io.helidon.webserver.http.ServerRequest;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;

/// Reads requests' bodies: at most so much of each; all together are bounded where they come in. A body whose declared
/// length is over the limit is refused before any of it is read; one that comes in chunks, with the chunk that crosses
/// it. What a client declares takes no memory, only what it sends. Request threads.
public final class RequestBodies {
    private static final int FIRST_BUFFER = 8192;

    private final long bytesMax;

    /// @param bytesMax the longest body
    public RequestBodies(long bytesMax) {
        this.bytesMax = bytesMax;
    }

    /// The body, whole.
    ///
    /// @throws ApiError if it is too long, broken or late, or too much of others is on its way
    public byte[] read(ServerRequest request) throws IOException {
        if (!request.content().hasEntity()) {
            throw ApiError.invalid(null, "The request has no body; it must be a JSON object.");
        }
        if (request.headers().contentLength().orElse(-1) > bytesMax) throw ApiError.bodyTooLarge(bytesMax);
        var body = new ByteArrayOutputStream(FIRST_BUFFER);
        try {
            receive(request, body);
        } catch (RequestException e) {
            throw ErrorMapping.of(e, bytesMax);
        } catch (RuntimeException e) {
            // The web server takes a body's framing on trust and stumbles: over a size that is none, over an early end.
            throw e instanceof ApiError refusal ? refusal : ApiError.brokenBody();
        }
        ClientConnection.requestReceived();
        return body.toByteArray();
    }

    private void receive(ServerRequest request, ByteArrayOutputStream body) throws IOException {
        byte[] piece = new byte[FIRST_BUFFER];
        // Not closed: closing reads on to the end, and after a refusal the end may never come.
        InputStream in = request.content().inputStream();
        for (int count = in.read(piece); count >= 0; count = in.read(piece)) {
            if (body.size() + count > bytesMax) throw ApiError.bodyTooLarge(bytesMax);
            body.write(piece, 0, count);
        }
    }
}
