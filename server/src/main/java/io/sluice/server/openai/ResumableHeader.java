package io.sluice.server.openai;

import io.helidon.http.HeaderName;
import io.helidon.http.HeaderNames;
import io.helidon.webserver.http.ServerRequest;
import io.sluice.server.http.ApiError;
import java.util.Locale;

/// The header by which a client asks for a stream that it can come back to. Any thread.
final class ResumableHeader {
    static final String NAME = "x-sluice-resumable";

    /// The response's header that names the stream.
    static final HeaderName STREAM = HeaderNames.create("x-sluice-stream");

    private static final HeaderName RESUMABLE = HeaderNames.create(NAME);

    private ResumableHeader() {}

    /// @throws ApiError 400 if it is there
    static void refuse(ServerRequest request) {
        if (!request.headers().first(RESUMABLE).orElse("false").equalsIgnoreCase("true")) return;
        throw ApiError.invalid(
                NAME,
                "The header " + NAME
                        + " is not for this route: streams of /v1/chat/completions and /v1/completions can be"
                        + " gone on with.");
    }

    /// @throws ApiError 400 if it makes no sense for this request
    static boolean isWanted(ServerRequest request, boolean stream, long choices) {
        String value = request.headers().first(RESUMABLE).orElse("false").toLowerCase(Locale.ROOT);
        if (value.equals("false")) return false;
        if (!value.equals("true")) {
            throw ApiError.invalid(NAME, "The header " + NAME + " must be true or false, got \"" + value + "\".");
        }
        if (!stream) {
            throw ApiError.invalid(NAME, "The header " + NAME + " is only allowed when stream is true.");
        }
        if (choices > StreamPosition.CHOICES_MAX) {
            throw ApiError.invalid(
                    NAME,
                    "A resumable stream has at most " + StreamPosition.CHOICES_MAX + " choices, this one would have "
                            + choices + ".");
        }
        return true;
    }
}
