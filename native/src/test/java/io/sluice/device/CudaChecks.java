package io.sluice.device;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.util.function.BiConsumer;

/// What is checked of the CUDA kernels, the same on a GPU and on its emulation. The emulation runs each check under a
/// thread order of its own.
enum CudaChecks {
    EMBEDS((bench, size) -> new CudaRowChecks(bench, size.seed).embedsTokensFromNumbers()),
    NORMALISES((bench, size) -> new CudaRowChecks(bench, size.seed).normalisesRows()),
    GATES((bench, size) -> new CudaRowChecks(bench, size.seed).gatesRows()),
    ADDS_AND_FEEDS((bench, size) -> new CudaRowChecks(bench, size.seed).addsRowsAndFeedsTokens()),
    LAYS_OUT_QUANTISED_WEIGHTS((bench, size) -> new CudaRowChecks(bench, size.seed).laysOutQuantisedWeights()),
    MULTIPLIES_FEW_ROWS((bench, size) -> new CudaRowChecks(bench, size.seed).multipliesFewRows()),
    MULTIPLIES_MANY_ROWS((bench, size) -> new CudaRowChecks(bench, size.seed).multipliesManyRows()),
    MULTIPLIES_ANYTHING((bench, size) -> new CudaRowChecks(bench, size.seed).multipliesAnything()),
    MULTIPLIES_A_ROW_ALIKE((bench, size) -> new CudaRowChecks(bench, size.seed).aRowsProductIsTheSameAmongAnyOthers()),
    COPIES_BLOCKS((bench, size) -> new CudaRowChecks(bench, size.seed).copiesBlocksThereAndBack()),
    GRAPHS((bench, size) -> new CudaRowChecks(bench, size.seed).aGraphReadsWhatStandsInMemoryWhenItRuns()),
    ATTENDS_PLAINLY((bench, size) -> new CudaAttentionChecks(bench, size.seed).plainAttentionServesAnyShape()),
    ATTENDS_ON_TENSOR_CORES((bench, size) -> new CudaAttentionChecks(bench, size.seed).tensorCoresServeRaggedSlices()),
    ATTENDS_ALIKE(
            (bench, size) -> new CudaAttentionChecks(bench, size.seed).aTokenAttendsTheSameHoweverTheWorkIsSplit()),
    CONTAINS((bench, size) -> new CudaAttentionChecks(bench, size.seed).whatIsNotANumberStaysWithThoseThatSeeIt()),
    ATTENDS_TO_BYTES((bench, size) -> new CudaAttentionChecks(bench, size.seed).writesRowsOfBytes()),
    SAMPLES((bench, size) ->
            new CudaSamplerChecks(bench, size.seed, size.batches).choosesWhatTheProcessorsSamplerChooses()),
    SAMPLES_AT_THE_EDGES((bench, size) -> new CudaSamplerChecks(bench, size.seed, size.batches).agreesAtTheEdges()),
    SAMPLES_UNDER_MASKS((bench, size) ->
            new CudaSamplerChecks(bench, size.seed, size.batches).masksAreBitsOfTokensThatMayBeChosen()),
    RUNS_A_MODEL((bench, size) -> new CudaRunnerChecks(bench.device.library(), size.seed, size.batches)
            .logitsAreThoseOfAPlainImplementation()),
    CHURNS((bench, size) ->
            new CudaRunnerChecks(bench.device.library(), size.seed, size.batches).tokensDoNotDependOnWhoElseIsThere());

    private final BiConsumer<CudaBench, Size> body;

    /// @param seed of everything that is random, and of the emulation's thread order
    /// @param batches of rows to sample, and rounds of sequences
    record Size(int seed, int batches) {}

    CudaChecks(BiConsumer<CudaBench, Size> body) {
        this.body = body;
    }

    /// @throws AssertionError if the kernels give other numbers than they should
    void run(CudaLibrary library, Size size) {
        try {
            int status =
                    (int) library.bind("sluice_cuda_emulated_order", JAVA_INT).invokeExact(size.seed + 31 * ordinal());
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
}
