package io.sluice.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sluice.batching.ModelLimits;
import io.sluice.device.RunnerSettings.Dtype;
import io.sluice.device.RunnerSettings.Gemm;
import io.sluice.modelstore.ModelConfig;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MemoryTest {
    private static final ModelConfig TINY = RandomModel.TINY;
    private static final long MIB = 1 << 20;

    // Keys and values, three layers, two heads of 16 numbers, 2 bytes each, 32 positions.
    private static final long BLOCK_BYTES = 2 * 3 * 2 * 16 * 2 * 32;

    @TempDir
    Path root;

    @Test
    void theKvCacheDecidesTheNumberOfBlocks() {
        assertThat(DeviceMemory.blockBytes(TINY, settings(0, 0, 256))).isEqualTo(BLOCK_BYTES);
        ModelLimits limits = DeviceMemory.limits(TINY, settings(100 * BLOCK_BYTES + 5, 7 * BLOCK_BYTES + 5, 256));
        assertThat(limits.blockCount()).isEqualTo(100);
        assertThat(limits.cacheTokens()).isEqualTo(3200);
        assertThat(limits.hostBlockCount()).isEqualTo(7);
    }

    @Test
    void aKvCacheTooSmallForOneSequenceIsRefusedWithTheNumbersToSet() {
        assertThat(DeviceMemory.limits(TINY, settings(8 * BLOCK_BYTES, 0, 256)).blockCount())
                .isEqualTo(8);
        assertThatThrownBy(() -> DeviceMemory.limits(TINY, settings(7 * BLOCK_BYTES, 0, 256)))
                .isInstanceOf(NotEnoughMemory.class)
                .hasMessageContaining("holds 224 tokens")
                .hasMessageContaining("may have 256")
                .hasMessageContaining("at least 96 KiB");
    }

    @Test
    void whatDoesNotFitTheMachineIsRefusedBeforeItIsAllocated() {
        DeviceMemory.refuseTooMuch(50 * MIB, 20 * MIB, 10 * MIB, 20 * MIB, 100 * MIB);
        assertThatThrownBy(() -> DeviceMemory.refuseTooMuch(50 * MIB, 20 * MIB, 11 * MIB, 20 * MIB, 100 * MIB))
                .isInstanceOf(NotEnoughMemory.class)
                .hasMessageContaining("need 101 MiB")
                .hasMessageContaining("park-memory")
                .hasMessageContaining("100 MiB are available");
    }

    @Test
    void weightsTakeTheBytesThatWereSaidBeforehand() {
        long embedding = 97 * 60;
        long layer = (6 + 4) * 16 * 60 + 60 * 96 + 3 * 76 * 60;
        long norms = 7 * 60;
        WeightFiles files = new RandomModel(TINY, 1).files();
        assertThat(DecodedWeights.bytes(files, Dtype.FLOAT32)).isEqualTo(4 * (embedding + 3 * layer + norms));
        assertThat(DecodedWeights.bytes(files, Dtype.BFLOAT16)).isEqualTo(2 * (embedding + 3 * layer) + 4 * norms);
    }

    @Test
    void withoutControlGroupsTheKernelsEstimateCounts() {
        write("proc/meminfo", "MemTotal: 9999 kB\nMemFree: 1 kB\nMemAvailable:    2048 kB\n");
        assertThat(available()).isEqualTo(2 * MIB);
    }

    @Test
    void aControlGroupsLimitCountsLessItsUseButNotWhatTheKernelCanDrop() {
        write("proc/meminfo", "MemAvailable: 999999 kB\n");
        write("proc/self/cgroup", "0::/a/b\n");
        write("sys/fs/cgroup/a/memory.max", 100 * MIB + "\n");
        write("sys/fs/cgroup/a/memory.current", 70 * MIB + "\n");
        write("sys/fs/cgroup/a/memory.stat", "anon 5\ninactive_file " + 30 * MIB + "\n");
        write("sys/fs/cgroup/a/b/memory.max", "max\n");
        assertThat(available()).isEqualTo(60 * MIB);
    }

    @Test
    void theFirstVersionOfControlGroupsCountsToo() {
        write("proc/meminfo", "MemAvailable: 999999 kB\n");
        write("proc/self/cgroup", "5:cpu:/x\n4:memory,hugetlb:/docker/of-the-host\n");
        write("sys/fs/cgroup/memory/memory.limit_in_bytes", String.valueOf(64 * MIB));
        write("sys/fs/cgroup/memory/memory.usage_in_bytes", String.valueOf(14 * MIB));
        assertThat(available()).isEqualTo(50 * MIB);
    }

    @Test
    void whereNothingSaysNothingIsRefused() {
        assertThat(available()).isEqualTo(Long.MAX_VALUE);
    }

    private long available() {
        return new MachineMemory(root).availableBytes();
    }

    private void write(String path, String text) {
        Path file = root.resolve(path);
        try {
            Files.createDirectories(file.getParent());
            Files.writeString(file, text);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static RunnerSettings settings(long kvCacheBytes, long parkBytes, int contextMax) {
        return new RunnerSettings(
                Dtype.BFLOAT16,
                Dtype.BFLOAT16,
                kvCacheBytes,
                parkBytes,
                32,
                contextMax,
                8,
                64,
                false,
                false,
                Gemm.AUTO,
                1);
    }
}
