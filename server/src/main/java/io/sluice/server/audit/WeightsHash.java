package io.sluice.server.audit;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Stream;

/// Says which weights answer: the SHA-256 of a model's file, or of its folder's names and files. Any thread.
public final class WeightsHash {
    private WeightsHash() {}

    /// Reads everything: a second for each gigabyte or two.
    ///
    /// @throws AuditUnusable if that cannot be
    public static String of(Path model) {
        try {
            if (!Files.isDirectory(model)) return ofFile(model);
            MessageDigest all = sha256();
            try (Stream<Path> entries = Files.list(model)) {
                List<Path> files = entries.filter(Files::isRegularFile).sorted().toList();
                for (Path file : files) {
                    all.update((file.getFileName() + "\n" + ofFile(file) + "\n").getBytes(StandardCharsets.UTF_8));
                }
            }
            return HexFormat.of().formatHex(all.digest());
        } catch (IOException e) {
            throw new AuditUnusable("the model " + model + " cannot be hashed for the audit log: " + e);
        }
    }

    private static String ofFile(Path file) throws IOException {
        MessageDigest digest = sha256();
        try (InputStream in = new DigestInputStream(Files.newInputStream(file), digest)) {
            in.transferTo(OutputStream.nullOutputStream());
        }
        return HexFormat.of().formatHex(digest.digest());
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e); // every Java has it
        }
    }
}
