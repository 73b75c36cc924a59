package io.sluice.modelstore;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class GgufDamageTest {
    private static final byte[] WHOLE =
            TinyModels.ggufWriter(Damage.CONFIG, 1, TensorType.Q8_0).bytes();

    @TempDir
    Path temp;

    record Case(String name, byte[] file, String inMessage) {
        @Override
        public String toString() {
            return name;
        }
    }

    /// The whole file with some bytes changed.
    private static Case patched(String name, String inMessage, Consumer<ByteBuffer> patch) {
        byte[] file = WHOLE.clone();
        patch.accept(ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN));
        return new Case(name, file, inMessage);
    }

    /// A file written otherwise than it should be.
    private static Case written(String name, String inMessage, UnaryOperator<GgufWriter> change) {
        GgufWriter writer = TinyModels.ggufWriter(Damage.CONFIG, 1, TensorType.Q8_0);
        return new Case(name, change.apply(writer).bytes(), inMessage);
    }

    static List<Case> structure() {
        return List.of(
                new Case("an empty file", new byte[0], "ends inside the magic number"),
                new Case("three bytes", new byte[] {'G', 'G', 'U'}, "ends inside the magic number"),
                patched("another magic", "is not a GGUF file", b -> b.put(0, (byte) 'X')),
                patched("version 2", "version 2", b -> b.putInt(4, 2)),
                patched("version 2^32 - 1", "version 4294967295", b -> b.putInt(4, -1)),
                patched("big-endian", "big-endian", b -> b.putInt(4, Integer.reverseBytes(3))),
                patched("2^63 - 1 tensors", "9223372036854775807 tensors", b -> b.putLong(8, Long.MAX_VALUE)),
                patched("2^64 - 1 tensors", "18446744073709551615 tensors", b -> b.putLong(8, -1)),
                patched("more tensors than bytes", "ends before them", b -> b.putLong(8, 100_000)),
                patched("no tensors", "is missing", b -> b.putLong(8, 0)),
                patched("2^63 keys", "9223372036854775808 metadata keys", b -> b.putLong(16, Long.MIN_VALUE)),
                patched("more keys than bytes", "ends before them", b -> b.putLong(16, 60_000)),
                patched("a key of 2^64 - 1 bytes", "18446744073709551615 bytes", b -> b.putLong(24, -1)),
                patched("a key of 2^31 bytes", "2147483648 bytes", b -> b.putLong(24, 1L << 31)));
    }

    static List<Case> metadata() {
        return List.of(
                written("a value of unknown type", "unknown type 13", w -> w.value("x", b -> b.u32(13))),
                written(
                        "an array of unknown type",
                        "unknown type 99",
                        w -> w.value("x", b -> b.u32(9).u32(99).u64(0))),
                written(
                        "an array of arrays",
                        "array of arrays",
                        w -> w.value("x", b -> b.u32(9).u32(9).u64(1))),
                written(
                        "an array of 2^63 - 1 bytes",
                        "9223372036854775807 entries",
                        w -> w.value("x", b -> b.u32(9).u32(0).u64(Long.MAX_VALUE))),
                written(
                        "an array of 2^64 - 1 strings",
                        "18446744073709551615 entries",
                        w -> w.value("x", b -> b.u32(9).u32(8).u64(-1))),
                written(
                        "an array longer than the file",
                        "ends before them",
                        w -> w.value("x", b -> b.u32(9).u32(8).u64(1_000_000))),
                written(
                        "a string of 2^64 - 1 bytes",
                        "18446744073709551615 bytes",
                        w -> w.value("x", b -> b.u32(8).u64(-1))),
                written(
                        "a string longer than the file",
                        "ends inside metadata key x",
                        w -> w.value("x", b -> b.u32(8).u64(10_000_000))),
                written(
                        "a key twice",
                        "metadata key y appears twice",
                        w -> w.value("x", b -> b.u32(7).u8(1).string("y").u32(7).u8(1))
                                .bool("y", true)
                                .bool("z", true)),
                written("alignment 0", "general.alignment 0 is not", w -> w.integer("general.alignment", 0)),
                written("alignment 48", "general.alignment 48 is not", w -> w.integer("general.alignment", 48)),
                written("alignment 2^31", "2147483648 is not", w -> w.integer("general.alignment", 1 << 31)),
                written("alignment in words", "not an integer", w -> w.string("general.alignment", "32")),
                written("no architecture", "general.architecture is missing", w -> w.without("general.architecture")),
                written(
                        "another architecture",
                        "architecture gpt2 is not supported",
                        w -> w.string("general.architecture", "gpt2").tensorInfo("x", 17, 0, 256)),
                written("one part of several", "--merge", w -> w.integer("split.count", 3)),
                written(
                        "experts of whom nobody is taken",
                        "experts per token 0 is not in 1..8",
                        w -> w.integer("llama.expert_count", 8)),
                written(
                        "scaled rotary",
                        "scaling.type is dynamic",
                        w -> w.string("llama.rope.scaling.type", "dynamic")),
                written("negative rotary", "rope factor -4.0", w -> w.number("llama.rope.scaling.factor", -4)),
                written("a window", "sliding_window is 5", w -> w.integer("llama.attention.sliding_window", 5)),
                written("no layers", "layer count 0", w -> w.integer("llama.block_count", 0)),
                written("layers missing", "blk.1.attn_norm.weight is missing", w -> w.integer("llama.block_count", 2)),
                written("2^32 - 1 layers", "out of range", w -> w.integer("llama.block_count", -1)),
                written("2^31 - 1 layers", "layer count", w -> w.integer("llama.block_count", Integer.MAX_VALUE)),
                written("no hidden size", "embedding_length is missing", w -> w.without("llama.embedding_length")),
                written("another hidden size", "has shape", w -> w.integer("llama.embedding_length", 64)),
                written("no heads", "head count 0", w -> w.integer("llama.attention.head_count", 0)),
                written("heads per layer", "not an integer", w -> w.ints("llama.attention.head_count_kv", 1, 1)),
                written("three heads over two", "not a multiple", w -> w.integer("llama.attention.head_count_kv", 3)),
                written("part rotary", "rope.dimension_count 8", w -> w.integer("llama.rope.dimension_count", 8)),
                written("epsilon 0", "epsilon", w -> w.number("llama.attention.layer_norm_rms_epsilon", 0)),
                written(
                        "epsilon not a number",
                        "epsilon",
                        w -> w.number("llama.attention.layer_norm_rms_epsilon", Double.NaN)),
                written("rotary base infinite", "rotary base", w -> w.number("llama.rope.freq_base", 1 / 0.0)),
                written("another vocabulary size", "llama.vocab_size is 7", w -> w.integer("llama.vocab_size", 7)),
                written(
                        "a temperature that is no number",
                        "temperature NaN is not in",
                        w -> w.number("general.sampling.temp", Double.NaN)),
                written("no vocabulary", "has no vocabulary", w -> w.without("tokenizer.ggml.tokens")),
                written(
                        "a smaller vocabulary than the embedding",
                        "token_embd.weight has shape",
                        w -> w.strings("tokenizer.ggml.tokens", List.of("a", "b"))
                                .integer("llama.vocab_size", 2)),
                written(
                        "an end token outside the vocabulary",
                        "eos_token_id 99999 is outside",
                        w -> w.integer("tokenizer.ggml.eos_token_id", 99_999)));
    }

    private static byte[] ones(int count) {
        byte[] bytes = new byte[count];
        Arrays.fill(bytes, (byte) 1);
        return bytes;
    }

    static List<Case> tensors() {
        return List.of(
                written("a name of many bytes", "length of", w -> w.tensorInfo("x".repeat(5000), 0, 0, 1)),
                written("five dimensions", "has 5 dimensions", w -> w.tensorInfo("x", 0, 0, 1, 1, 1, 1, 1)),
                written("no dimension", "has 0 dimensions", w -> w.tensorInfo("x", 0, 0)),
                written("a dimension of 0", "impossible dimension 0", w -> w.tensorInfo("x", 0, 0, 3, 0)),
                written("a dimension of 2^64 - 1", "impossible dimension 1844", w -> w.tensorInfo("x", 0, 0, -1)),
                written("2^62 numbers", "larger than any file", w -> w.tensorInfo("x", 0, 0, 1L << 62)),
                written("2^70 numbers", "larger than any file", w -> w.tensorInfo("x", 0, 0, 1L << 35, 1L << 35)),
                written("type IQ2_XS", "tensor x is stored as IQ2_XS", w -> w.tensorInfo("x", 17, 0, 256)),
                written("type 2^32 - 1", "number 4294967295", w -> w.tensorInfo("x", -1, 0, 256)),
                written("part of a block", "not a whole number of Q8_0", w -> w.tensorInfo("x", 8, 0, 33)),
                written("offset past the end", "past the end", w -> w.tensorInfo("x", 0, 1 << 30, 8)),
                written("offset 2^63 - 32", "past the end", w -> w.tensorInfo("x", 0, Long.MAX_VALUE - 31, 8)),
                written("offset 2^64 - 32", "offset 18446744073709551584", w -> w.tensorInfo("x", 0, -32, 8)),
                written("an odd offset", "multiple of the alignment", w -> w.tensorInfo("x", 0, 33, 8)),
                written("a second tensor in the same place", "overlap", w -> w.tensorInfo("x", 0, 0, 8)),
                written(
                        "a tensor twice",
                        "output_norm.weight appears twice",
                        w -> w.tensorInfo("output_norm.weight", 0, 0, 32)),
                written(
                        "a bias",
                        "attn_q.bias is not part of a llama model",
                        w -> w.tensor("blk.0.attn_q.bias", TensorType.F32, ones(128), 32)),
                written(
                        "a third layer's tensor",
                        "blk.7.attn_q.weight is not part",
                        w -> w.tensor("blk.7.attn_q.weight", TensorType.F32, new byte[4096], 32, 32)),
                written(
                        "a layer number of many digits",
                        "is not part of",
                        w -> w.tensor("blk.99999999999999999999.attn_q.weight", TensorType.F32, new byte[128], 32)),
                written(
                        "rotary divisors of 0",
                        "rope divisor 0.0",
                        w -> w.tensor("rope_freqs.weight", TensorType.F32, new byte[32], 8)));
    }

    @ParameterizedTest
    @MethodSource({"structure", "metadata", "tensors"})
    void aDamagedFileIsRefusedInOneLine(Case damaged) {
        Path file = temp.resolve("damaged.gguf");
        Damage.write(file, damaged.file());
        Damage.assertRefused(file, () -> GgufModel.open(file), damaged.inMessage());
    }

    @Test
    void theUndamagedFileOpens() {
        Path file = temp.resolve("whole.gguf");
        Damage.write(file, WHOLE);
        assertThat(Damage.open(file, () -> GgufModel.open(file))).isEmpty();
    }

    @Test
    void anotherAlignmentIsHonoured() {
        Path file = temp.resolve("aligned.gguf");
        GgufWriter writer = TinyModels.ggufMetadata(Damage.CONFIG, 4096).integer("general.alignment", 4096);
        TinyModels.addTensors(writer, Damage.CONFIG, 1, TensorType.Q8_0).write(file);
        assertThat(Damage.open(file, () -> GgufModel.open(file))).isEmpty();
    }

    @Test
    void aFileCutAnywhereIsRefused() throws IOException {
        Path file = temp.resolve("cut.gguf");
        Damage.write(file, WHOLE);
        int structureEnd = WHOLE.length - (int) dataBytes();
        try (RandomAccessFile cut = new RandomAccessFile(file.toFile(), "rw")) {
            for (int length = WHOLE.length - 1; length >= 0; length -= length > structureEnd + 64 ? 997 : 11) {
                cut.setLength(length);
                assertThat(Damage.open(file, () -> GgufModel.open(file)))
                        .as("cut to %d bytes", length)
                        .isPresent();
            }
        }
    }

    private static long dataBytes() {
        long[] bytes = new long[1];
        new TinyWeights(Damage.CONFIG, 1, TensorType.Q8_0).forEach(t -> bytes[0] += t.bytes().length);
        return bytes[0];
    }

    @Test
    void aFileWithRandomDamageOpensOrIsRefused() throws IOException {
        long seed = 20261123;
        Random random = new Random(seed);
        int structureEnd = WHOLE.length - (int) dataBytes();
        Path file = temp.resolve("fuzzed.gguf");
        int refused = 0;
        for (int i = 0; i < 2000; i++) {
            byte[] damaged = WHOLE.clone();
            for (int flips = 1 + random.nextInt(3); flips > 0; flips--) {
                int at = random.nextInt(structureEnd);
                damaged[at] = random.nextBoolean()
                        ? (byte) (damaged[at] ^ 1 << random.nextInt(8))
                        : (byte) random.nextInt(256);
            }
            if (random.nextInt(8) == 0) {
                damaged = Arrays.copyOf(damaged, random.nextInt(damaged.length));
            }
            Files.write(file, damaged);
            try {
                refused += Damage.open(file, () -> GgufModel.open(file)).isPresent() ? 1 : 0;
            } catch (Throwable e) {
                throw new AssertionError("seed " + seed + ", case " + i, e);
            }
        }
        assertThat(refused).as("cases refused of 2000").isBetween(500, 1999);
    }
}
