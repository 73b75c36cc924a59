package io.sluice.server.openai;

import io.sluice.batching.InvalidRequest;
import io.sluice.server.access.BodyWishes;
import io.sluice.server.access.Entry;
import io.sluice.server.generation.Generation;
import io.sluice.server.generation.GenerationService;
import io.sluice.server.http.ApiError;
import io.sluice.server.http.ErrorMapping;
import io.sluice.server.http.JsonOut;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// Answers requests that no client waits for as their routes would, in one piece and in the class that goes last. Any
/// thread.
public final class Unattended {
    private static final String CHAT = "/v1/chat/completions";
    private static final String COMPLETIONS = "/v1/completions";
    private static final String EMBEDDINGS = "/v1/embeddings";

    /// What requests of a batch may be sent to.
    public static final Set<String> PATHS = Set.of(CHAT, COMPLETIONS, EMBEDDINGS);

    private static final String LAST = "flex";

    private final Serving serving;
    private final Answers answers;

    public Unattended(Serving serving) {
        this.serving = serving;
        this.answers = new Answers(serving.heartbeat());
    }

    /// The answer, as JSON.
    ///
    /// @throws ApiError if there is none
    /// @throws InterruptedException if the thread was interrupted; the request is given up then
    public byte[] answer(Entry entry, String path, Map<String, Object> json) throws InterruptedException {
        try {
            entry.requireKeyStillAccepted();
            GenerationService service = serving.service();
            Accepted accepted = parse(service, path, json);
            if (accepted.common().stream()) {
                throw ApiError.invalid("stream", "stream must be false: nobody reads a batch while it runs.");
            }
            BodyWishes wishes = accepted.common().wishes();
            BodyWishes last = new BodyWishes(Optional.of(LAST), wishes.cacheSalt(), wishes.labels());
            Generation generation = Answers.start(
                    service,
                    accepted.text(),
                    entry.terms(accepted.text(), last),
                    accepted.common(),
                    accepted.promptField());
            try (generation) {
                JsonOut out = new JsonOut();
                answers.collect(generation, accepted.format(), out);
                return out.toBytes();
            }
        } catch (ApiError e) {
            entry.failed(e);
            throw e;
        } catch (InvalidRequest e) {
            ApiError error = ErrorMapping.of(e);
            entry.failed(error);
            throw error;
        }
    }

    private static Accepted parse(GenerationService service, String path, Map<String, Object> json) {
        return switch (path) {
            case CHAT -> ChatCompletionsRoute.parse(service, json);
            case COMPLETIONS -> CompletionsRoute.parse(service, json);
            case EMBEDDINGS -> EmbeddingsRoute.parse(service, json);
            default -> throw new IllegalStateException("no request of a batch goes to " + path);
        };
    }
}
