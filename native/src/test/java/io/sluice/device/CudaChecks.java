package io.sluice.device;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.util.List;
import java.util.function.BiConsumer;

/// What is checked of the CUDA kernels, the same on a GPU and on its emulation. The emulation runs each check under a
/// thread order of its own.
record CudaChecks(String name, BiConsumer<CudaBench, Size> body) {

    /// All of them.
    static final List<CudaChecks> ALL = List.of(
            check("embeds", (bench, size) -> new CudaRowChecks(bench, size.seed).embedsTokensFromNumbers()),
            check("normalises", (bench, size) -> new CudaRowChecks(bench, size.seed).normalisesRows()),
            check("gates", (bench, size) -> new CudaRowChecks(bench, size.seed).gatesRows()),
            check("adds and feeds", (bench, size) -> new CudaRowChecks(bench, size.seed).addsRowsAndFeedsTokens()),
            check(
                    "lays out quantised weights",
                    (bench, size) -> new CudaRowChecks(bench, size.seed).laysOutQuantisedWeights()),
            check("multiplies few rows", (bench, size) -> new CudaRowChecks(bench, size.seed).multipliesFewRows()),
            check("multiplies many rows", (bench, size) -> new CudaRowChecks(bench, size.seed).multipliesManyRows()),
            check("multiplies anything", (bench, size) -> new CudaRowChecks(bench, size.seed).multipliesAnything()),
            check(
                    "multiplies a row alike",
                    (bench, size) -> new CudaRowChecks(bench, size.seed).aRowsProductIsTheSameAmongAnyOthers()),
            check("copies blocks", (bench, size) -> new CudaRowChecks(bench, size.seed).copiesBlocksThereAndBack()),
            check(
                    "graphs",
                    (bench, size) -> new CudaRowChecks(bench, size.seed).aGraphReadsWhatStandsInMemoryWhenItRuns()),
            check(
                    "attends plainly",
                    (bench, size) -> new CudaAttentionChecks(bench, size.seed).plainAttentionServesAnyShape()),
            check(
                    "attends on tensor cores",
                    (bench, size) -> new CudaAttentionChecks(bench, size.seed).tensorCoresServeRaggedSlices()),
            check(
                    "attends alike",
                    (bench, size) ->
                            new CudaAttentionChecks(bench, size.seed).aTokenAttendsTheSameHoweverTheWorkIsSplit()),
            check(
                    "contains",
                    (bench, size) ->
                            new CudaAttentionChecks(bench, size.seed).whatIsNotANumberStaysWithThoseThatSeeIt()),
            check("attends to bytes", (bench, size) -> new CudaAttentionChecks(bench, size.seed).writesRowsOfBytes()),
            check(
                    "samples",
                    (bench, size) -> new CudaSamplerChecks(bench, size.seed, size.batches)
                            .choosesWhatTheProcessorsSamplerChooses()),
            check(
                    "samples at the edges",
                    (bench, size) -> new CudaSamplerChecks(bench, size.seed, size.batches).agreesAtTheEdges()),
            check(
                    "samples under masks",
                    (bench, size) -> new CudaSamplerChecks(bench, size.seed, size.batches)
                            .masksAreBitsOfTokensThatMayBeChosen()),
            check(
                    "runs a model",
                    (bench, size) -> new CudaRunnerChecks(bench.device.library(), size.seed, size.batches)
                            .logitsAreThoseOfAPlainImplementation()),
            check(
                    "churns",
                    (bench, size) -> new CudaRunnerChecks(bench.device.library(), size.seed, size.batches)
                            .tokensDoNotDependOnWhoElseIsThere()));

    /// @param seed of everything that is random, and of the emulation's thread order
    /// @param batches of rows to sample, and rounds of sequences
    record Size(int seed, int batches) {}

    private static CudaChecks check(String name, BiConsumer<CudaBench, Size> body) {
        return new CudaChecks(name, body);
    }

    /// @throws AssertionError if the kernels give other numbers than they should
    void run(CudaLibrary library, Size size) {
        try {
            int status =
                    (int) library.bind("sluice_cuda_emulated_order", JAVA_INT).invokeExact(size.seed + name.hashCode());
            library.check("the emulation's order", status);
        } catch (Throwable e) {
            throw CudaDevice.rethrow(e);
        }
        try (CudaBench bench = new CudaBench(library)) {
            body.accept(bench, size);
        }
    }

    /// What the build made of the kernels for a processor, or why it made nothing.
    static CudaLibrary emulated() throws CudaLibrary.Unavailable {
        return CudaLibrary.loadResource(
                "libsluice_cuda_emulated.so", "this build has no emulated CUDA kernels (a C++ compiler makes them)");
    }

    @Override
    public String toString() {
        return name;
    }
}
