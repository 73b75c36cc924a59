package io.sluice.modelstore;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/// Text to tokens and back with the demo model's tokenizer: `detokenise` is one token of a stream, `tokenise` a prompt
/// of 256 words.
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 4, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(2)
public class TextBenchmark {
    private static final int TOKENS = 256;
    private static final String WORDS = "Once upon a time there was a little dog who saw the moon. ";

    private @Nullable ModelFiles model;
    private @Nullable Tokenizer tokenizer;
    private final String prompt = WORDS.repeat(20);
    private int[] tokens = new int[TOKENS];

    @Setup
    public void open() throws IOException {
        Path cache = Files.createTempDirectory("sluice-bench");
        ModelFiles demo = ModelStore.openDemo(cache);
        model = demo;
        Tokenizer words = demo.tokenizer();
        tokenizer = words;
        int[] known = words.encode(prompt);
        for (int i = 0; i < TOKENS; i++) tokens[i] = known[i % known.length];
    }

    @Benchmark
    @OperationsPerInvocation(TOKENS)
    public int detokenise() {
        IncrementalDetokenizer text = Objects.requireNonNull(tokenizer).detokenizer();
        int characters = 0;
        for (int token : tokens) characters += text.append(token).length();
        return characters;
    }

    @Benchmark
    public int[] tokenise() {
        return Objects.requireNonNull(tokenizer).encode(prompt);
    }

    @TearDown
    public void close() {
        Objects.requireNonNull(model).close();
    }
}
