package io.sluice.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sluice.device.CudaDevices;
import io.sluice.device.DeviceUnavailable;
import io.sluice.server.settings.DeviceChoice;
import java.util.List;
import org.junit.jupiter.api.Test;

class DevicePlanTest {
    private static final CudaDevices TWO = new CudaDevices(List.of("an H200", "an L4"), "");
    private static final CudaDevices NONE = new CudaDevices(List.of(), "CUDA finds no device: no driver");

    @Test
    void the_cpu_is_used_where_it_was_asked_for_and_nobody_looks_for_gpus() {
        DevicePlan plan = DevicePlan.of(new DeviceChoice.Cpu(), () -> {
            throw new AssertionError("looked");
        });
        assertThat(plan.isGpu()).isFalse();
    }

    @Test
    void a_gpu_is_not_used_unasked_but_mentioned() {
        DevicePlan plan = DevicePlan.of(new DeviceChoice.Auto(), () -> TWO);
        assertThat(plan.isGpu()).isFalse();
        assertThat(plan.words())
                .contains("cuda:0 is an H200, cuda:1 is an L4", "not used", "--device cuda:0", "not yet run on a GPU");
        assertThat(DevicePlan.of(new DeviceChoice.Auto(), () -> NONE).words()).isEqualTo("the CPU");
    }

    @Test
    void gpus_are_used_as_they_were_asked_for() {
        assertThat(DevicePlan.of(new DeviceChoice.Cuda(List.of(1)), () -> TWO).gpus())
                .containsExactly(1);
        assertThat(DevicePlan.of(new DeviceChoice.Cuda(List.of()), () -> TWO).gpus())
                .containsExactly(0, 1);
        assertThat(DevicePlan.of(new DeviceChoice.Cuda(List.of(1, 0, 1)), () -> TWO)
                        .words())
                .isEqualTo("cuda:0, an H200; cuda:1, an L4 (not yet run on a GPU)");
    }

    /// Each engine pins memory to park sequences in; with the whole as the measure, eight would pin all there is.
    @Test
    void engines_share_the_machines_memory() {
        assertThat(DevicePlan.of(new DeviceChoice.Cuda(List.of()), () -> TWO).memoryOfOne(64))
                .isEqualTo(32);
        assertThat(DevicePlan.of(new DeviceChoice.Cuda(List.of(1)), () -> TWO).memoryOfOne(64))
                .isEqualTo(64);
        assertThat(DevicePlan.of(new DeviceChoice.Cpu(), () -> TWO).memoryOfOne(64))
                .isEqualTo(64);
    }

    @Test
    void a_gpu_that_is_not_there_is_refused_and_nothing_takes_its_place() {
        assertThatThrownBy(() -> DevicePlan.of(new DeviceChoice.Cuda(List.of(0, 2)), () -> TWO))
                .isInstanceOf(DeviceUnavailable.class)
                .hasMessageContaining("device is cuda:2, but CUDA finds 2 devices here");
        assertThatThrownBy(() -> DevicePlan.of(new DeviceChoice.Cuda(List.of()), () -> NONE))
                .isInstanceOf(DeviceUnavailable.class)
                .hasMessageStartingWith("device is cuda:all, but CUDA finds no device: no driver");
    }
}
