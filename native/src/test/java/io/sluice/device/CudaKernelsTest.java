package io.sluice.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// The CUDA kernels' arithmetic, on a processor.
class CudaKernelsTest {

    static CudaLibrary library() {
        try {
            return CudaChecks.emulated();
        } catch (CudaLibrary.Unavailable e) {
            return Assumptions.abort(e.toString());
        }
    }

    static List<CudaChecks> checks() {
        return CudaChecks.ALL;
    }

    @ParameterizedTest
    @MethodSource("checks")
    void theKernelsGiveTheRightNumbers(CudaChecks check) {
        check.run(library(), new CudaChecks.Size(20261124, 3));
    }

    /// Where nvcc made it: it loads without a driver, and says what is missing.
    @Test
    void theLibraryForGpusLoadsAnywhereAndFindsDevicesOrSaysWhyNot() {
        try {
            CudaLibrary library = CudaLibrary.load();
            assertThat(library.isEmulated()).isFalse();
            assertThat(library.deviceCount()).isGreaterThanOrEqualTo(0);
        } catch (CudaLibrary.Unavailable e) {
            assertThat(e).hasMessageMatching("(this build has no CUDA kernels|CUDA finds no device: cuda).*");
        }
    }

    @Test
    void theEmulationSaysThatItIsOne() {
        assertThat(library().isEmulated()).isTrue();
    }

    @Test
    void whatNoKernelServesIsRefusedByName() {
        CudaLibrary library = library();
        try (CudaBench bench = new CudaBench(library)) {
            Kernels.Rows x = bench.rows(new float[17][32], Format.BFLOAT16);
            Kernels.Rows y = bench.emptyRows(17, 32, Format.FLOAT32);
            CudaMatrix w = bench.matrix(new float[32][32], Format.BFLOAT16);
            assertThatThrownBy(() -> bench.kernels.multiplyFew(x, w, y, 17, false))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("multiply_few");
            CudaMatrix floats = bench.matrix(new float[32][32], Format.FLOAT32);
            assertThatThrownBy(() -> bench.kernels.multiplyMany(x, floats, y, 17, false))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("multiply_many");
        }
        assertThatThrownBy(() -> new CudaDevice(library, 7))
                .isInstanceOf(CudaFailed.class)
                .hasMessageContaining("opening CUDA device 7");
    }

    /// The walls around memory are what finds kernels that write too far: they must find one.
    @Test
    void theEmulationNoticesAWriteBeyondMemory() {
        CudaBench bench = new CudaBench(library());
        long address = bench.room(100);
        bench.device.fill(address, 1, 101);
        assertThatThrownBy(bench::close).isInstanceOf(CudaFailed.class).hasMessageContaining("freeing");
    }
}
