package io.sluice.modelstore;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/// Unpacks the model in the jar to a folder that can be mapped. The folder's name holds a hash of the contents,
/// so a newer jar never reads an older one's files; each file is compared on every start and replaced whole, so
/// concurrent starts and a damaged cache both end with the right bytes.
final class DemoModel {
    private static final String RESOURCES = "demo/";
    private static final List<String> FILES = List.of(
            "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors");

    private DemoModel() {}

    /// The folder, complete.
    static Path unpack(Path cache) {
        return unpack(contents(cache), cache);
    }

    static Path unpack(Map<String, byte[]> contents, Path cache) {
        Path folder = cache.resolve("sluice-demo-" + hash(contents));
        try {
            Files.createDirectories(folder);
            for (Map.Entry<String, byte[]> entry : contents.entrySet()) {
                place(folder.resolve(entry.getKey()), entry.getValue());
            }
        } catch (IOException e) {
            throw new ModelFileException(
                    folder,
                    "the demo model cannot be unpacked here: name a folder that can be written with cache-dir",
                    e);
        }
        return folder;
    }

    private static Map<String, byte[]> contents(Path cache) {
        Map<String, byte[]> contents = new LinkedHashMap<>();
        for (String file : FILES) {
            try (InputStream in = DemoModel.class.getResourceAsStream(RESOURCES + file)) {
                if (in == null) {
                    throw new ModelFileException(cache, "this build of Sluice carries no demo model: name a model");
                }
                contents.put(file, in.readAllBytes());
            } catch (IOException e) {
                throw new ModelFileException(cache, "the demo model cannot be read from the jar: " + e.getMessage(), e);
            }
        }
        return contents;
    }

    private static String hash(Map<String, byte[]> contents) {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            new TreeMap<>(contents).values().forEach(digest::update);
            return HexFormat.of().formatHex(digest.digest(), 0, 8);
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every Java platform has SHA-256", e);
        }
    }

    private static void place(Path file, byte[] content) throws IOException {
        if (Files.isRegularFile(file)
                && Files.size(file) == content.length
                && Arrays.equals(Files.readAllBytes(file), content)) {
            return;
        }
        Path temporary =
                Files.createTempFile(file.getParent(), file.getFileName().toString(), ".part");
        try {
            Files.write(temporary, content);
            Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } finally {
            Files.deleteIfExists(temporary);
        }
    }
}
