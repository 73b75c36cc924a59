package io.sluice.modelstore;

import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;

/// Finds the safetensors files of a Hugging Face folder, one or many, and reads what they declare.
final class SafetensorsFolder {
    static final String SINGLE = "model.safetensors";
    static final String INDEX = "model.safetensors.index.json";

    /// The largest published models have a few hundred shards.
    private static final int SHARDS_MAX = 4096;

    private SafetensorsFolder() {}

    static boolean isPresent(Path folder) {
        return Files.exists(directory(folder));
    }

    /// The file that says which tensors there are.
    static Path directory(Path folder) {
        Path single = folder.resolve(SINGLE);
        return Files.exists(single) ? single : folder.resolve(INDEX);
    }

    /// The declared tensors by name.
    static Map<String, StoredTensor> read(Path folder, Arena arena) {
        if (Files.exists(folder.resolve(SINGLE))) {
            Map<String, StoredTensor> tensors = new LinkedHashMap<>();
            readInto(tensors, folder.resolve(SINGLE), arena);
            return tensors;
        }
        if (!Files.exists(folder.resolve(INDEX))) {
            throw new ModelFileException(
                    folder,
                    "holds no weights: there is neither " + SINGLE + " nor " + INDEX
                            + (Files.exists(folder.resolve("pytorch_model.bin"))
                                    ? " (pytorch_model.bin is not read: convert it to safetensors)"
                                    : ""));
        }
        return readShards(folder, arena);
    }

    private static Map<String, StoredTensor> readShards(Path folder, Arena arena) {
        Path index = folder.resolve(INDEX);
        JsonFile weightMap = JsonFile.read(index)
                .object("weight_map")
                .orElseThrow(() -> new ModelFileException(index, "weight_map is missing"));
        Map<String, String> shardOf = new LinkedHashMap<>();
        for (String tensor : weightMap.keys()) {
            String shard = weightMap
                    .string(tensor)
                    .orElseThrow(() -> new ModelFileException(index, "tensor " + tensor + " has no file"));
            shardOf.put(tensor, plainFileName(index, shard));
        }
        Set<String> shards = new LinkedHashSet<>(shardOf.values());
        if (shards.size() > SHARDS_MAX) {
            throw new ModelFileException(index, "names more than " + SHARDS_MAX + " files");
        }
        Map<String, StoredTensor> tensors = new LinkedHashMap<>();
        for (String shard : shards) {
            if (!Files.exists(folder.resolve(shard))) {
                throw new ModelFileException(
                        index, "names the file " + shard + ", which is missing: is the download complete?");
            }
            readInto(tensors, folder.resolve(shard), arena);
        }
        shardOf.forEach((tensor, shard) -> requireIn(folder, tensors, tensor, shard));
        return tensors;
    }

    private static void readInto(Map<String, StoredTensor> tensors, Path file, Arena arena) {
        for (StoredTensor tensor : SafetensorsFile.read(file, MappedFile.map(file, arena))) {
            StoredTensor other = tensors.put(tensor.name(), tensor);
            if (other != null) {
                throw new ModelFileException(
                        file,
                        "tensor " + tensor.name() + " is also in "
                                + other.file().getFileName());
            }
        }
    }

    private static void requireIn(Path folder, Map<String, StoredTensor> tensors, String name, String shard) {
        StoredTensor tensor = tensors.get(name);
        if (tensor == null || !tensor.file().equals(folder.resolve(shard))) {
            throw new ModelFileException(
                    folder.resolve(shard), "holds no tensor " + name + ", though " + INDEX + " says so");
        }
    }

    /// A hostile index must not lead out of the folder.
    private static String plainFileName(Path index, String shard) {
        if (!shard.matches("[A-Za-z0-9][A-Za-z0-9._-]{0,254}")) {
            throw new ModelFileException(index, "names the file \"" + shard + "\", which is not a plain file name");
        }
        return shard;
    }
}
