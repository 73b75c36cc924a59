package io.sluice.server;

import io.sluice.batching.ModelRunner;
import io.sluice.device.Device;
import io.sluice.device.RunnerSettings;
import io.sluice.modelstore.ModelConfig;
import io.sluice.modelstore.ModelFiles;
import io.sluice.modelstore.Tokenizer;
import io.sluice.server.settings.SettingsException;
import java.util.Arrays;
import java.util.Locale;

/// The model that guesses what the served one says next: decides whether it can, and how it is computed. The main
/// thread opens and closes it; its runner is the engine thread's.
record DraftModel(ModelFiles files) implements AutoCloseable {

    /// Takes the files over.
    ///
    /// @throws SettingsException if its tokens mean something else than the served model's
    static DraftModel open(ModelFiles files, ModelFiles served) {
        try {
            requireSameTokens(files, served);
            return new DraftModel(files);
        } catch (RuntimeException | Error e) {
            files.close();
            throw e;
        }
    }

    private static void requireSameTokens(ModelFiles draft, ModelFiles served) {
        int draftTokens = draft.config().vocabSize();
        int servedTokens = served.config().vocabSize();
        if (draftTokens != servedTokens) {
            throw new SettingsException("speculation-draft-model " + draft.name() + " has " + draftTokens
                    + " tokens and " + served.name() + " has " + servedTokens + ": both must have the same tokenizer");
        }
        Tokenizer one = draft.tokenizer();
        Tokenizer other = served.tokenizer();
        int count = Math.min(one.vocabSize(), other.vocabSize()); // what comes after it is padding
        for (int token = 0; token < count; token++) {
            if (!isSame(token, one, other)) {
                throw new SettingsException("speculation-draft-model " + draft.name() + " means another text than "
                        + served.name() + " by token " + token + ": both must have the same tokenizer");
            }
        }
    }

    private static boolean isSame(int token, Tokenizer one, Tokenizer other) {
        if (one.isSpecial(token) || other.isSpecial(token))
            return one.tokenText(token).equals(other.tokenText(token));
        return Arrays.equals(one.tokenBytes(token), other.tokenBytes(token));
    }

    /// Computed like the served model, but with a KV cache for as many tokens, or for one request of full length.
    ModelRunner.Factory runner(ModelPlan served) {
        RunnerSettings like = served.runner();
        ModelConfig config = files.config();
        long perToken = 2L
                * config.layerCount()
                * config.kvHeadCount()
                * config.headDim()
                * like.kvDtype().bytes();
        int contextMax = Math.min(like.contextMax(), config.contextMax());
        long tokens = Math.max(like.kvCacheBytes() / served.kvBytesPerToken(), contextMax + like.blockSize());
        return Device.runner(
                files,
                new RunnerSettings(
                        like.dtype(),
                        like.kvDtype(),
                        tokens * perToken,
                        0,
                        like.blockSize(),
                        contextMax,
                        like.sequencesMax(),
                        like.stepTokensMax(),
                        like.keepsQuantised(),
                        like.deterministic(),
                        like.gemm(),
                        like.threads()));
    }

    String words() {
        return "%s: %s, %d layers, %s weights"
                .formatted(
                        files.name(),
                        files.config().architecture(),
                        files.config().layerCount(),
                        files.weightsType().name().toLowerCase(Locale.ROOT));
    }

    @Override
    public void close() {
        files.close();
    }
}
