package io.sluice.modelstore;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/// Finds models and opens them. Any thread.
public final class ModelStore {
    private static final String DEMO_NAME = "sluice-demo";

    private ModelStore() {}

    /// Opens a GGUF file, a Hugging Face folder, or a folder that holds one GGUF file. Weights are mapped, not
    /// read; the tokenizer begins to load on a thread of its own.
    ///
    /// @throws ModelFileException if it is neither, damaged, or of an unknown architecture
    public static ModelFiles open(Path path) {
        return Files.isDirectory(path) ? openFolder(path) : openFile(path);
    }

    /// Opens the model that comes with Sluice, unpacking it into `cache` first if it is not there yet.
    ///
    /// @throws ModelFileException if the cache cannot be written, or this build carries no model
    public static ModelFiles openDemo(Path cache) {
        return warmed(HuggingFaceFolder.open(DemoModel.unpack(cache), DEMO_NAME));
    }

    private static ModelFiles openFolder(Path folder) {
        List<Path> ggufs = ggufsIn(folder);
        boolean hasConfig = Files.exists(folder.resolve("config.json")); // some GGUF repositories have one too
        if (hasConfig && (ggufs.isEmpty() || SafetensorsFolder.isPresent(folder))) {
            return warmed(HuggingFaceFolder.open(folder, folderName(folder)));
        }
        if (ggufs.size() == 1) {
            return openFile(ggufs.getFirst());
        }
        if (ggufs.isEmpty()) {
            throw new ModelFileException(
                    folder,
                    "holds no model: there is neither a config.json (a Hugging Face folder) nor a .gguf file in it");
        }
        throw new ModelFileException(
                folder,
                "holds " + ggufs.size() + " GGUF files: name one of them, "
                        + ggufs.stream()
                                .map(Path::getFileName)
                                .map(Path::toString)
                                .collect(Collectors.joining(", ")));
    }

    private static List<Path> ggufsIn(Path folder) {
        try (Stream<Path> entries = Files.list(folder)) {
            return entries.filter(entry -> hasEnding(entry, ".gguf")).sorted().toList();
        } catch (IOException e) {
            throw ModelFileException.unreadable(folder, e);
        }
    }

    private static ModelFiles openFile(Path file) {
        if (!Files.exists(file)) {
            throw new ModelFileException(file, "there is no such file or folder");
        }
        if (!Files.isRegularFile(file)) {
            throw new ModelFileException(file, "is neither a file nor a folder");
        }
        if (hasEnding(file, ".gguf") || beginsWithGguf(file)) {
            return warmed(GgufModel.open(file));
        }
        if (hasEnding(file, ".safetensors") || hasEnding(file, ".json")) {
            throw new ModelFileException(
                    file, "is one file of a model: give the folder that holds it, with config.json and tokenizer.json");
        }
        throw new ModelFileException(file, "is neither a GGUF file nor a Hugging Face folder");
    }

    private static boolean beginsWithGguf(Path file) {
        try (InputStream in = Files.newInputStream(file)) {
            return new String(in.readNBytes(4), StandardCharsets.ISO_8859_1).equals("GGUF");
        } catch (IOException e) {
            throw ModelFileException.unreadable(file, e);
        }
    }

    private static boolean hasEnding(Path path, String ending) {
        Path name = path.getFileName();
        return name != null && name.toString().toLowerCase(Locale.ROOT).endsWith(ending);
    }

    /// The folder's name; in the Hugging Face cache (`models--org--name/snapshots/hash`) the model's id.
    private static String folderName(Path folder) {
        Path absolute = folder.toAbsolutePath().normalize();
        int names = absolute.getNameCount();
        if (names == 0) {
            return "model";
        }
        if (names >= 3 && absolute.getName(names - 2).toString().equals("snapshots")) {
            String repository = absolute.getName(names - 3).toString();
            if (repository.startsWith("models--")) {
                return repository.substring("models--".length()).replace("--", "/");
            }
        }
        return absolute.getFileName().toString();
    }

    private static ModelFiles warmed(ModelFiles model) {
        model.loadTokenizerInBackground();
        try {
            var _ = model.chatTemplate(); // a template that does not parse is found now, not by the first request
        } catch (RuntimeException e) {
            model.close();
            throw e;
        }
        return model;
    }
}
