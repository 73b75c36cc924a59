package io.sluice.benchmarks.traffic;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/// Traces made for tests: small, and from a seed.
final class SmallTraces {
    private static final double SECOND_NS = 1e9;

    private SmallTraces() {}

    /// Requests at random moments, one per second on average, with prompts up to `promptMax` and outputs up
    /// to `outputMax` tokens.
    static Trace random(long seed, int count, int promptMax, int outputMax) {
        var random = new SplittableRandom(seed);
        var rows = new ArrayList<TraceRow>();
        double at = 0;
        for (int i = 0; i < count; i++) {
            rows.add(new TraceRow(
                    (long) (at * SECOND_NS), 1 + random.nextInt(promptMax), 1 + random.nextInt(outputMax), List.of()));
            at -= StrictMath.log(1 - random.nextDouble());
        }
        return new Trace("random", "none", rows);
    }

    /// Conversations: each prompt begins with a system prompt of 512 tokens, goes on with all earlier turns,
    /// and ends in the middle of a new block.
    static Trace conversations(long seed, int conversations, int turns) {
        var random = new SplittableRandom(seed);
        var rows = new ArrayList<TraceRow>();
        int nextId = 1;
        List<List<Integer>> open = new ArrayList<>();
        for (int i = 0; i < conversations; i++) open.add(new ArrayList<>(List.of(0)));
        for (int turn = 0; turn < turns; turn++) {
            for (List<Integer> ids : open) {
                ids.add(nextId++);
                var withQuestion = new ArrayList<>(ids);
                withQuestion.add(nextId++);
                int promptTokens = ids.size() * TraceRow.HASHED_TOKENS + 1 + random.nextInt(500);
                rows.add(new TraceRow(
                        (long) (rows.size() * 4 * SECOND_NS), promptTokens, 1 + random.nextInt(40), withQuestion));
            }
        }
        return new Trace("conversations", "none", rows);
    }

    /// The same without the system prompt: conversations have nothing in common.
    static Trace strangers(long seed, int conversations, int turns) {
        Trace talking = conversations(seed, conversations, turns);
        return new Trace(
                "strangers",
                "none",
                talking.rows().stream()
                        .map(row -> new TraceRow(
                                row.arrivalNs(),
                                row.promptTokens() - TraceRow.HASHED_TOKENS,
                                row.outputTokens(),
                                row.hashIds().subList(1, row.hashIds().size())))
                        .toList());
    }

    static Path file(Path folder, String name, String... lines) {
        try {
            return Files.write(folder.resolve(name), List.of(lines));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /// A small device: few seats, a cache that some of a hundred requests fill, small steps.
    static DeviceModel device(int sequencesMax, int stepTokensMax) {
        return new DeviceModel(Gpu.H100, ModelShape.LLAMA_3_1_8B, sequencesMax, stepTokensMax);
    }

    /// A device whose cache holds `cacheTokens` and no more.
    static DeviceModel tightDevice(int cacheTokens) {
        ModelShape model = ModelShape.LLAMA_3_1_8B;
        double bytes = model.weightBytes() + 2e9 + (double) cacheTokens * model.kvBytesPerToken();
        var gpu = new Gpu("tight", bytes, 3e12, 660e12, 1_000_000, 50e9);
        return new DeviceModel(gpu, model, 16, 512);
    }
}
