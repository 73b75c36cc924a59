package io.sluice.modelstore;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.Supplier;

/// What every test of damaged files holds: a damaged file either opens, and then every tensor can be read, or
/// is refused by one line that names a file; in both cases without taking memory that the file does not
/// justify.
final class Damage {
    static final long ALLOCATION_MAX = 4 << 20;

    /// One layer, a few KiB of weights: damage lands in the structure more often than in the numbers.
    static final ModelConfig CONFIG = new ModelConfig(
            "LlamaForCausalLM", TinyVocabulary.SIZE_MIN, 32, 1, 2, 1, 16, 32, 1e-5f, 10_000f, 128, false);

    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    private Damage() {}

    /// The refusal, or empty if the model opened and could be read.
    static Optional<ModelFileException> open(Path file, Supplier<ModelFiles> opener) {
        long before = THREADS.getCurrentThreadAllocatedBytes();
        try (ModelFiles model = opener.get()) {
            readAll(model);
            return Optional.empty();
        } catch (ModelFileException e) {
            assertThat(e.getMessage())
                    .contains(file.getFileName().toString())
                    .doesNotContain("\n")
                    .hasSizeLessThan(1000);
            return Optional.of(e);
        } finally {
            assertThat(THREADS.getCurrentThreadAllocatedBytes() - before).isLessThan(ALLOCATION_MAX);
        }
    }

    static void assertRefused(Path file, Supplier<ModelFiles> opener, String... inMessage) {
        Optional<ModelFileException> refusal = open(file, opener);
        assertThat(refusal).isPresent();
        assertThat(refusal.orElseThrow()).hasMessageContainingAll(inMessage);
    }

    private static void readAll(ModelFiles model) {
        new TinyWeights(model.config(), 0, TensorType.F32).forEach(t -> {
            WeightTensor tensor = model.tensor(t.name());
            try (Arena arena = Arena.ofConfined()) {
                tensor.readRows(0, tensor.rows(), arena.allocate(4L * tensor.rows() * tensor.columns(), Float.BYTES));
            }
        });
    }

    static void write(Path file, byte[] bytes) {
        try {
            Files.write(file, bytes);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
