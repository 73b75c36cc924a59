package io.sluice.server.openai;

import io.sluice.server.generation.Delta;
import io.sluice.server.http.JsonOut;
import io.sluice.server.http.SseStream;
import io.sluice.server.output.Piece;
import java.io.IOException;
import java.io.OutputStream;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/// One token of a chat stream as an event, up to the socket: JSON, escapes, `data:` and flush.
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 4, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(2)
public class SseBenchmark implements EventSink {
    private final ChatFormat format = new ChatFormat(
            new AnswerHead("chatcmpl-0123456789abcdef0123456789abcdef", 1_700_000_000, "llama-3.1-8b", null),
            false,
            StreamOptions.NONE,
            true);
    private final Delta delta = new Delta(0, 17, List.of(new Piece.Text(" token\n")), List.of(), null, List.of());
    private final Counting out = new Counting();
    private final SseStream events = SseStream.onto(out);
    private final JsonOut json = new JsonOut();

    @Benchmark
    public long event() throws IOException {
        format.delta(this, delta);
        events.flush();
        return out.bytes;
    }

    @Override
    public JsonOut json() {
        return json.clear();
    }

    @Override
    public void send() throws IOException {
        events.data(json);
    }

    @Override
    public void send(String name) throws IOException {
        events.data(name, json);
    }

    /// Takes everything.
    private static final class Counting extends OutputStream {
        private long bytes;

        @Override
        public void write(int one) {
            bytes++;
        }

        @Override
        public void write(byte[] many, int from, int length) {
            bytes += length;
        }
    }
}
