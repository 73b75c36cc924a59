package io.sluice.modelstore;

import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.Map;

/// The tensors of an open model by Hugging Face name, and the one owner of the mappings that they lie in. Any
/// thread.
final class WeightTable implements AutoCloseable {
    private final Path path;
    private final Map<String, WeightTensor> tensors;
    private final Arena arena;
    private final TensorType mostUsed;

    WeightTable(Path path, Map<String, WeightTensor> tensors, Arena arena) {
        this.path = path;
        this.tensors = Map.copyOf(tensors);
        this.arena = arena;
        this.mostUsed = mostUsed(tensors);
    }

    boolean has(String name) {
        return tensors.containsKey(name);
    }

    WeightTensor get(String name) {
        WeightTensor tensor = tensors.get(name);
        if (tensor == null) {
            throw new ModelFileException(path, "holds no tensor " + name);
        }
        return tensor;
    }

    /// The type that most numbers are stored in.
    TensorType mostUsed() {
        return mostUsed;
    }

    private static TensorType mostUsed(Map<String, WeightTensor> tensors) {
        Map<TensorType, Long> counts = new EnumMap<>(TensorType.class);
        for (WeightTensor tensor : tensors.values()) {
            counts.merge(tensor.type(), (long) tensor.rows() * tensor.columns(), Long::sum);
        }
        return counts.entrySet().stream()
                .max(Map.Entry.comparingByValue())
                .orElseThrow()
                .getKey();
    }

    @Override
    public void close() {
        if (arena.scope().isAlive()) {
            arena.close();
        }
    }
}
