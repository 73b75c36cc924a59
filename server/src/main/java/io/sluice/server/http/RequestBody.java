package io.sluice.server.http;

import io.helidon.http.RequestException;
import io.helidon.webserver.http.ServerRequest;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;

/// Reads a request's body, at most so much of it. A body whose declared length is over the limit is refused before any
/// of it is read; one that comes in chunks, with the chunk that crosses it. Request threads.
public final class RequestBody {
    private static final int FIRST_BUFFER = 8192;

    private RequestBody() {}

    public static byte[] read(ServerRequest request, long bytesMax) throws IOException {
        if (!request.content().hasEntity()) {
            throw ApiError.invalid(null, "The request has no body; it must be a JSON object.");
        }
        long declared = request.headers().contentLength().orElse(-1);
        if (declared > bytesMax) throw tooLarge(bytesMax);
        var body = new ByteArrayOutputStream((int) Math.clamp(declared, FIRST_BUFFER, bytesMax));
        byte[] piece = new byte[FIRST_BUFFER];
        try {
            // Not closed: closing reads on to the end, and after a refusal the end may never come.
            InputStream in = request.content().inputStream();
            for (int count = in.read(piece); count >= 0; count = in.read(piece)) {
                if (body.size() + count > bytesMax) throw tooLarge(bytesMax);
                body.write(piece, 0, count);
            }
        } catch (RequestException e) {
            throw e.status().code() == 413 ? tooLarge(bytesMax) : ErrorMapping.of(e);
        } catch (RuntimeException e) {
            // The web server takes a body's framing on trust and stumbles: over a size that is none, over an early end.
            throw e instanceof ApiError refusal ? refusal : ApiError.brokenBody();
        }
        ClientConnection.requestReceived();
        return body.toByteArray();
    }

    static ApiError tooLarge(long bytesMax) {
        return ApiError.invalid(
                413,
                null,
                "request_too_large",
                "The request's body is larger than this server accepts (" + bytesMax + " bytes, --max-body-bytes).");
    }
}
