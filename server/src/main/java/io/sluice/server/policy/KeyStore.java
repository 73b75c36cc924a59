package io.sluice.server.policy;

import io.sluice.server.quota.QuotaLimits;
import io.sluice.server.settings.SettingsException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFileAttributeView;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;

/// The file of API keys, changed: by `sluice keys`, never by the server. Each change writes a new file beside
/// it and moves it into place, so that nobody ever reads half of one; two at once wait for each other. One
/// thread.
public final class KeyStore {
    private static final String OWNER_ONLY = "rw-------";
    private static final String HEAD =
            "# API keys of Sluice; `sluice keys` writes this file. The secrets are not in it.";

    private final Path path;
    private final SecureRandom random = new SecureRandom();

    public KeyStore(Path path) {
        this.path = path;
    }

    /// What a new key is to be.
    public record Wish(Optional<String> tenant, Optional<Instant> expires, QuotaLimits limits, boolean admin) {}

    /// Adds a key.
    ///
    /// @return its secret, which is nowhere else
    /// @throws IllegalArgumentException if there can be no such key
    /// @throws SettingsException if the file cannot be read or written
    public KeySecret create(Wish wish, Instant now) {
        KeySecret secret = KeySecret.random(random);
        ApiKey key = new ApiKey(
                secret.id(),
                wish.tenant(),
                KeyHash.of(secret.text()),
                now.truncatedTo(ChronoUnit.SECONDS),
                wish.expires().map(time -> time.truncatedTo(ChronoUnit.SECONDS)),
                wish.limits(),
                wish.admin());
        change(lines -> {
            List<String> more = new ArrayList<>(lines);
            more.add(KeyFile.line(key));
            return more;
        });
        return secret;
    }

    /// Takes a key away; what remains of it is a comment.
    ///
    /// @return the key
    /// @throws SettingsException if there is none of this id
    public ApiKey revoke(String id, Instant now) {
        ApiKey key = KeyFile.read(path)
                .get(id)
                .orElseThrow(() -> new SettingsException(path + ": there is no key with the id " + id));
        String remains = "# revoked " + now.truncatedTo(ChronoUnit.SECONDS) + ": id=" + id
                + key.tenant().map(name -> " tenant=" + name).orElse("");
        change(lines -> lines.stream()
                .map(line -> !KeyFile.isEmpty(line) && line.strip().matches("(.*\\s)?id=" + id + "(\\s.*)?")
                        ? remains
                        : line)
                .toList());
        return key;
    }

    private void change(UnaryOperator<List<String>> edit) {
        try {
            Path target = Files.exists(path) ? path.toRealPath() : path.toAbsolutePath();
            Path lockFile = target.resolveSibling("." + target.getFileName() + ".lock");
            // The lock has a file of its own, because the file itself is replaced.
            try (FileChannel channel = FileChannel.open(lockFile, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
                    FileLock _ = channel.lock()) {
                if (Files.exists(target)) KeyFile.read(target); // a broken file is not made worse
                replace(target, edit.apply(lines(target)));
            }
        } catch (IOException e) {
            throw new SettingsException(path + ": cannot be written: " + e);
        }
    }

    private static List<String> lines(Path target) throws IOException {
        try {
            return Files.readAllLines(target);
        } catch (NoSuchFileException e) {
            return List.of(HEAD);
        }
    }

    private static void replace(Path target, List<String> lines) throws IOException {
        Path fresh = Files.createTempFile(target.getParent(), ".keys", ".new", ownerOnly(target));
        try {
            Files.write(fresh, lines);
            try (FileChannel written = FileChannel.open(fresh, StandardOpenOption.WRITE)) {
                written.force(true);
            }
            if (Files.exists(target) && isPosix(target)) {
                Files.setPosixFilePermissions(fresh, Files.getPosixFilePermissions(target));
            }
            Files.move(fresh, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } finally {
            Files.deleteIfExists(fresh);
        }
    }

    private static FileAttribute<?>[] ownerOnly(Path target) throws IOException {
        return isPosix(target)
                ? new FileAttribute<?>[] {
                    PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString(OWNER_ONLY))
                }
                : new FileAttribute<?>[0];
    }

    private static boolean isPosix(Path target) throws IOException {
        return Files.getFileStore(Optional.ofNullable(target.getParent()).orElse(target))
                .supportsFileAttributeView(PosixFileAttributeView.class);
    }
}
