package io.sluice.device;

import java.util.ArrayList;
import java.util.List;

/// Which CUDA devices this machine has for this build, and why none if there is none. A value; any thread.
///
/// @param names what each device is, by CUDA's number
/// @param why there are none; empty if there are
public record CudaDevices(List<String> names, String why) {
    public CudaDevices {
        names = List.copyOf(names);
    }

    /// Looks. Takes nothing of any device, and needs neither driver nor kernels.
    public static CudaDevices here() {
        try {
            return of(CudaLibrary.load());
        } catch (CudaLibrary.Unavailable e) {
            return new CudaDevices(List.of(), String.valueOf(e.getMessage()));
        }
    }

    /// The devices that a library finds.
    static CudaDevices of(CudaLibrary library) {
        List<String> names = new ArrayList<>();
        try {
            int count = library.deviceCount();
            for (int i = 0; i < count; i++) names.add(library.facts(i).toString());
            return new CudaDevices(names, count == 0 ? "CUDA finds no device" : "");
        } catch (CudaLibrary.Unavailable | CudaFailed e) {
            return new CudaDevices(List.of(), String.valueOf(e.getMessage()));
        }
    }

    /// Does nothing if there is such a device.
    ///
    /// @throws DeviceUnavailable if there is none, or none at all
    public void require(int index) {
        if (names.isEmpty()) throw none("cuda:" + index);
        if (index < names.size()) return;
        throw new DeviceUnavailable("device is cuda:" + index + ", but CUDA finds "
                + (names.size() == 1 ? "one device" : names.size() + " devices") + " here: " + listed()
                + ". Name one of them (CUDA_VISIBLE_DEVICES may hide others)");
    }

    /// Makes sure that there is at least one, where all that there are were asked for.
    ///
    /// @throws DeviceUnavailable if there is none
    public void requireAny() {
        if (names.isEmpty()) throw none("cuda:all");
    }

    private DeviceUnavailable none(String asked) {
        return new DeviceUnavailable("device is " + asked + ", but " + why
                + ". docs/cuda.md says what is needed; --device cpu serves on the processor");
    }

    /// All devices in words, each with its number.
    public String listed() {
        List<String> lines = new ArrayList<>();
        for (int i = 0; i < names.size(); i++) lines.add("cuda:" + i + " is " + names.get(i));
        return String.join(", ", lines);
    }
}
