package io.sluice.device;

import java.nio.file.Path;

/// Runs the checks of the CUDA kernels without a test framework, as `native/gpu-check` does on a machine with a GPU:
/// `CudaCheck <library> [seed [check]]`. Exits with the number of checks that failed.
final class CudaCheck {
    private CudaCheck() {}

    public static void main(String[] arguments) throws CudaLibrary.Unavailable {
        CudaLibrary library = CudaLibrary.load(Path.of(arguments[0]).toAbsolutePath());
        int seed = arguments.length > 1 ? Integer.parseInt(arguments[1]) : 1;
        System.out.println("devices: " + library.deviceCount());
        try (CudaDevice device = new CudaDevice(library, 0)) {
            System.out.println("device 0: " + device.facts() + ", "
                    + DeviceMemory.binary(device.memory().freeBytes()) + " free");
        }
        System.out.println(library.isEmulated() ? "EMULATED: nothing of this ran on a GPU" : "on a GPU");
        int failed = 0;
        for (CudaChecks check : CudaChecks.ALL) {
            if (arguments.length > 2 && !check.name().equals(arguments[2])) continue;
            long startedNs = System.nanoTime();
            String outcome = "ok";
            try {
                check.run(library, new CudaChecks.Size(seed, library.isEmulated() ? 3 : 40));
            } catch (AssertionError | RuntimeException e) {
                failed++;
                outcome = "FAILED: " + e.getMessage();
            }
            System.out.printf("%-28s %6d ms  %s%n", check, (System.nanoTime() - startedNs) / 1_000_000, outcome);
        }
        System.out.println(failed == 0 ? "all checks passed" : failed + " checks failed");
        System.exit(failed);
    }
}
