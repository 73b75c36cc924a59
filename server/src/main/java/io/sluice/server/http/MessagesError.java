package io.sluice.server.http;

import org.jspecify.annotations.Nullable;

/// A refusal as clients of Anthropic's API expect it, with what OpenAI's have besides. Any thread.
public final class MessagesError {
    private MessagesError() {}

    /// The whole body.
    public static byte[] body(ApiError error, String requestId) {
        return write(error, requestId);
    }

    /// The same at the end of a stream.
    public static byte[] eventBody(ApiError error) {
        return write(error, null);
    }

    private static byte[] write(ApiError error, @Nullable String requestId) {
        JsonOut out = new JsonOut()
                .raw("{\"type\":\"error\",\"error\":{\"type\":")
                .string(type(error.status()))
                .raw(",\"message\":")
                .string(error.getMessage())
                .raw(",\"param\":")
                .string(error.parameter())
                .raw(",\"code\":")
                .string(error.code())
                .raw("}");
        if (requestId != null) out.raw(",\"request_id\":").string(requestId);
        return out.raw("}").toBytes();
    }

    private static String type(int status) {
        return switch (status) {
            case 401 -> "authentication_error";
            case 403 -> "permission_error";
            case 404, 405 -> "not_found_error";
            case 408 -> "timeout_error";
            case 413 -> "request_too_large";
            case 429 -> "rate_limit_error";
            case 503 -> "overloaded_error";
            default -> status >= 500 ? "api_error" : "invalid_request_error";
        };
    }
}
