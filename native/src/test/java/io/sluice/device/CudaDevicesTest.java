package io.sluice.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;

/// What an operator hears who asks for a CUDA device.
class CudaDevicesTest {

    @Test
    void aBuildWithoutKernelsSaysSoAndWhatToDo() {
        CudaDevices none = new CudaDevices(List.of(), "this build has no CUDA kernels");
        assertThatThrownBy(() -> none.require(0))
                .isInstanceOf(DeviceUnavailable.class)
                .hasMessage("device is cuda:0, but this build has no CUDA kernels. docs/cuda.md says what is needed;"
                        + " --device cpu serves on the processor");
    }

    @Test
    void aMissingDriverIsNamedAsCudaNamesIt() {
        CudaDevices none = new CudaDevices(List.of(), "CUDA finds no device: cudaErrorInsufficientDriver: too old");
        assertThatThrownBy(() -> none.require(0))
                .isInstanceOf(DeviceUnavailable.class)
                .hasMessageContaining("but CUDA finds no device: cudaErrorInsufficientDriver: too old. docs/cuda.md");
    }

    @Test
    void aDeviceThatIsNotThereIsToldApartFromThoseThatAre() {
        CudaDevices one = CudaDevices.of(CudaKernelsTest.library());
        one.require(0);
        assertThatThrownBy(() -> one.require(3))
                .isInstanceOf(DeviceUnavailable.class)
                .hasMessageContaining("device is cuda:3, but CUDA finds one device here: cuda:0 is emulated on a"
                        + " processor (sm_00")
                .hasMessageContaining("CUDA_VISIBLE_DEVICES");
    }

    /// Whatever this machine has: looking fails for nobody.
    @Test
    void lookingNeedsNeitherDriverNorKernels() {
        CudaDevices here = CudaDevices.here();
        assertThat(here.names().isEmpty()).isEqualTo(!here.why().isEmpty());
    }
}
