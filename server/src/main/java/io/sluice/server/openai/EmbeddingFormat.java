package io.sluice.server.openai;

import io.sluice.batching.PromptEmbedding;
import io.sluice.server.generation.Delta;
import io.sluice.server.generation.Finish;
import io.sluice.server.generation.Usage;
import io.sluice.server.http.JsonOut;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Base64;
import java.util.List;
import java.util.Objects;

/// The answer of `/v1/embeddings`, which is never a stream. One request, one thread.
final class EmbeddingFormat implements AnswerFormat {
    private final String model;
    private final Shape shape;

    /// What an embedding looks like. A value.
    ///
    /// @param width numbers of each embedding
    /// @param base64 each is a text that holds its numbers as little-endian float32, else an array
    /// @param normalised each has the length 1
    record Shape(int width, boolean base64, boolean normalised) {}

    /// @param model as the client named it
    EmbeddingFormat(String model, Shape shape) {
        this.model = model;
        this.shape = shape;
    }

    @Override
    public void whole(JsonOut out, List<WholeChoice> choices, Usage usage) {
        out.raw("{\"object\":\"list\",\"data\":[");
        for (int i = 0; i < choices.size(); i++) {
            PromptEmbedding embedding = Objects.requireNonNull(choices.get(i).embedding(), "it was asked for");
            out.raw(i == 0 ? "" : ",")
                    .raw("{\"object\":\"embedding\",\"index\":")
                    .number(i)
                    .raw(",\"embedding\":");
            float[] numbers = numbers(embedding.pooled());
            if (shape.base64) out.string(base64(numbers));
            else array(out, numbers);
            out.raw("}");
        }
        out.raw("],\"model\":")
                .string(model)
                .raw(",\"usage\":{\"prompt_tokens\":")
                .number(usage.prompt())
                .raw(",\"total_tokens\":")
                .number(usage.prompt())
                .raw("}}");
    }

    /// The first numbers of the pooled state, brought to the length 1 unless that is not wanted.
    private float[] numbers(double[] pooled) {
        double squares = 0;
        for (int i = 0; i < shape.width; i++) squares += pooled[i] * pooled[i];
        double scale = shape.normalised && squares > 0 ? 1 / Math.sqrt(squares) : 1;
        float[] numbers = new float[shape.width];
        for (int i = 0; i < numbers.length; i++) numbers[i] = (float) (pooled[i] * scale);
        return numbers;
    }

    private static String base64(float[] numbers) {
        ByteBuffer bytes = ByteBuffer.allocate(numbers.length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        for (float number : numbers) bytes.putFloat(number);
        return Base64.getEncoder().encodeToString(bytes.array());
    }

    private static void array(JsonOut out, float[] numbers) {
        out.raw("[");
        for (int i = 0; i < numbers.length; i++) out.raw(i == 0 ? "" : ",").number(numbers[i]);
        out.raw("]");
    }

    @Override
    public boolean hasOpening() {
        return false;
    }

    @Override
    public void opening(EventSink out, int choice, int promptTokens) {
        throw noStream();
    }

    @Override
    public void delta(EventSink out, Delta delta) {
        throw noStream();
    }

    @Override
    public void finish(EventSink out, int choice, Finish finish) {
        throw noStream();
    }

    @Override
    public void complete(EventSink out, Usage usage) {
        throw noStream();
    }

    private static IllegalStateException noStream() {
        return new IllegalStateException("embeddings are no stream");
    }
}
