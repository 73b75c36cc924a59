package io.sluice.server.openai;

import io.sluice.server.generation.GenerationService;
import io.sluice.server.generation.ServedModel;
import io.sluice.server.http.ApiError;
import io.sluice.server.http.RequestBodies;
import java.time.Duration;
import java.util.HexFormat;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// What the API's routes need to know of the server they are part of. A value; any thread.
///
/// @param services gives the service, or throws `ApiError` while there is none
/// @param bodies reads requests' bodies
/// @param heartbeat the longest silence of a stream
/// @param streams the streams that clients may come back to
/// @param owners whose a request is
public record Serving(
        Supplier<GenerationService> services,
        RequestBodies bodies,
        Duration heartbeat,
        ResumableStreams streams,
        StreamOwners owners) {

    public GenerationService service() {
        return services.get();
    }

    /// The name under which the model answers: the one that the client used.
    public static String requireModel(ServedModel model, @Nullable String wanted) {
        if (wanted == null || wanted.isEmpty()) return model.name();
        if (model.names().contains(wanted)) return wanted;
        throw noSuchModel(model, wanted);
    }

    static ApiError noSuchModel(ServedModel model, String wanted) {
        return ApiError.invalid(
                404,
                "model",
                "model_not_found",
                "The model \"" + (wanted.length() <= 64 ? wanted : wanted.substring(0, 64) + "…")
                        + "\" does not exist here; this server has "
                        + String.join(
                                ", ",
                                model.names().stream()
                                        .map(name -> '"' + name + '"')
                                        .toList()) + ".");
    }

    /// A name for one answer. Fresh even if the client named its request: nothing keeps clients from using a name
    /// twice.
    public static String answerId(String prefix) {
        return prefix + HexFormat.of().toHexDigits(ThreadLocalRandom.current().nextLong());
    }

    public static long nowSecond() {
        return System.currentTimeMillis() / 1000;
    }
}
