package io.sluice.server.http;

import java.time.Duration;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// A request's refusal as clients see it: an HTTP status and the body that OpenAI's clients expect. Thrown by routes,
/// written in one place.
public final class ApiError extends RuntimeException {
    private final int status;
    private final String type;
    private final @Nullable String parameter;
    private final @Nullable String code;
    private final Retry retry;

    /// What a client is told about sending the same request again. A value.
    public sealed interface Retry {
        /// As the status suggests.
        record Unsaid() implements Retry {}

        /// It will never succeed.
        record Never() implements Retry {}

        /// After this long.
        record After(Duration pause) implements Retry {}
    }

    private static final String BROKEN_BODY = "broken_body";
    private static final String TOO_MANY_BODIES = "too_many_bodies";
    private static final String REQUEST_TIMEOUT = "request_timeout";
    private static final Set<String> UNREAD = Set.of(BROKEN_BODY, REQUEST_TIMEOUT, TOO_MANY_BODIES);
    private static final Retry UNSAID = new Retry.Unsaid();

    private ApiError(
            int status, String type, @Nullable String parameter, @Nullable String code, String message, Retry retry) {
        super(message, null, false, false); // an expected outcome: no stack trace
        this.status = status;
        this.type = type;
        this.parameter = parameter;
        this.code = code;
        this.retry = retry;
    }

    /// A request that is wrong in itself.
    ///
    /// @param parameter the offending field, null if it is the body as a whole
    public static ApiError invalid(@Nullable String parameter, String message) {
        return invalid(400, parameter, null, message);
    }

    public static ApiError invalid(int status, @Nullable String parameter, @Nullable String code, String message) {
        return new ApiError(status, "invalid_request_error", parameter, code, message, UNSAID);
    }

    /// A body over the limit, or one in so many pieces that it takes as much.
    static ApiError bodyTooLarge(long bytesMax) {
        return invalid(
                413,
                null,
                "body_too_large",
                "The request's body is larger than this server accepts (" + bytesMax + " bytes, --max-body-bytes).");
    }

    /// A body that cannot be read to its end.
    static ApiError brokenBody() {
        return invalid(400, null, BROKEN_BODY, "The request's body ends too early, or its chunks are malformed.");
    }

    /// A body for which there is no room, because others are on their way.
    static ApiError tooManyBodies() {
        return unavailable(
                TOO_MANY_BODIES,
                "The server is receiving as much of other requests' bodies as it has room for.",
                Duration.ofSeconds(1));
    }

    /// A request that did not arrive in time.
    static ApiError requestTooSlow() {
        return new ApiError(
                408,
                "timeout_error",
                null,
                REQUEST_TIMEOUT,
                "The request took longer to arrive than this server waits (--request-timeout).",
                UNSAID);
    }

    /// A request that is wrong in itself, however often it is sent.
    public static ApiError neverFits(@Nullable String parameter, String code, String message) {
        return new ApiError(400, "invalid_request_error", parameter, code, message, new Retry.Never());
    }

    /// Nobody the server knows.
    public static ApiError unauthorized(String code, String message) {
        return new ApiError(401, "invalid_request_error", null, code, message, new Retry.Never());
    }

    /// Somebody, but not with this.
    ///
    /// @param parameter the offending field or header, if there is one
    public static ApiError forbidden(@Nullable String parameter, String code, String message) {
        return new ApiError(403, "permission_error", parameter, code, message, new Retry.Never());
    }

    /// More than the caller's quota: worth another try after `wait`.
    public static ApiError overQuota(String code, String message, Duration wait) {
        return new ApiError(429, "rate_limit_error", null, code, message, new Retry.After(wait));
    }

    /// Not now: worth another try after `wait`.
    public static ApiError unavailable(String code, String message, Duration wait) {
        return new ApiError(503, "server_error", null, code, message, new Retry.After(wait));
    }

    /// Not as things stand, and nobody can say when.
    public static ApiError unmeetable(String code, String message) {
        return new ApiError(503, "server_error", null, code, message, UNSAID);
    }

    /// The request was ended or replaced by its own client: there is nobody to try again.
    public static ApiError superseded(String code, String message) {
        return new ApiError(409, "invalid_request_error", null, code, message, new Retry.Never());
    }

    /// Too late to be of use: the same request would be, too.
    public static ApiError deadline(String message) {
        return new ApiError(408, "timeout_error", null, "deadline_exceeded", message, new Retry.Never());
    }

    /// Our fault.
    public static ApiError internal(String message) {
        return new ApiError(500, "server_error", null, "internal_error", message, UNSAID);
    }

    public int status() {
        return status;
    }

    public String type() {
        return type;
    }

    public @Nullable String parameter() {
        return parameter;
    }

    public @Nullable String code() {
        return code;
    }

    public Retry retry() {
        return retry;
    }

    /// True if the rest of the request's body is left unread: nothing on its connection can follow.
    boolean leavesBodyUnread() {
        return status == 413 || UNREAD.contains(String.valueOf(code));
    }

    @Override
    public String getMessage() {
        return String.valueOf(super.getMessage());
    }

    /// `{"error":{...}}`: the four fields always, `code` a string or null, `error` never null.
    public byte[] body() {
        return fields().raw("}}").toBytes();
    }

    /// The same for the end of a stream, which has neither a status nor headers to say whether trying again is worth
    /// it.
    public byte[] eventBody() {
        return fields().raw(",\"retryable\":")
                .raw(isRetryable() ? "true" : "false")
                .raw("}}")
                .toBytes();
    }

    private JsonOut fields() {
        return new JsonOut()
                .raw("{\"error\":{\"message\":")
                .string(getMessage())
                .raw(",\"type\":")
                .string(type)
                .raw(",\"param\":")
                .string(parameter)
                .raw(",\"code\":")
                .string(code);
    }

    /// As clients read statuses: what they send again by themselves.
    private boolean isRetryable() {
        return switch (retry) {
            case Retry.After _ -> true;
            case Retry.Never() -> false;
            case Retry.Unsaid() -> status == 408 || status == 409 || status == 429 || status >= 500;
        };
    }
}
