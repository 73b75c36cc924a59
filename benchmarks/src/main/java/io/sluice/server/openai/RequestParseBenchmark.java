package io.sluice.server.openai;

import io.sluice.server.output.OutputFormat;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/// A chat request's body, from bytes to a checked request.
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 4, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(2)
public class RequestParseBenchmark {
    private static final String SENTENCE =
            "The quick brown fox jumps over the lazy dog, and says \\\"hello\\\" to it. ";

    /// Messages of the conversation, of about 700 characters each.
    @Param({"1", "64"})
    public int messages = 1;

    private final OutputFormat format = OutputFormat.of("", "auto", "auto");
    private byte[] body = new byte[0];

    @Setup
    public void write() {
        var text = new StringBuilder("{\"model\":\"llama-3.1-8b\",\"messages\":[");
        for (int i = 0; i < messages; i++) {
            text.append(i == 0 ? "" : ",")
                    .append("{\"role\":\"")
                    .append(i % 2 == 0 ? "user" : "assistant")
                    .append("\",\"content\":\"")
                    .append(SENTENCE.repeat(10))
                    .append("\"}");
        }
        body = text.append("],\"max_tokens\":256,\"temperature\":0.7,\"top_p\":0.95,\"stream\":true}")
                .toString()
                .getBytes(StandardCharsets.UTF_8);
    }

    @Benchmark
    public ChatRequest parse() {
        return ChatRequest.parse(Json.parseObject(body), "chatcmpl-1", format);
    }
}
