package io.sluice.server.hub;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/// The models on this machine, where Hugging Face's own tools look for them and leave them:
///
///     models--org--name/refs/main                       the commit that `main` was
///     models--org--name/snapshots/<commit>/config.json  a link to its content
///     models--org--name/blobs/<checksum>                content; `.incomplete` while it comes
///
/// Any thread.
final class HubCache {
    private static final Pattern COMMIT = Pattern.compile("[0-9a-f]{40}");

    private final Path root;

    HubCache(Path root) {
        this.root = root;
    }

    /// A model that is there.
    ///
    /// @param bytes of all its revisions
    record Stored(String repository, List<String> revisions, long bytes, Path folder) {}

    static boolean isCommit(String revision) {
        return COMMIT.matcher(revision).matches();
    }

    Path folder(ModelName model) {
        return root.resolve(model.folder());
    }

    Path blob(ModelName model, HubFile file) {
        return folder(model).resolve("blobs").resolve(file.checksum());
    }

    Path incomplete(ModelName model, HubFile file) {
        return folder(model).resolve("blobs").resolve(file.checksum() + ".incomplete");
    }

    /// True if the file's content is there, whole.
    boolean has(ModelName model, HubFile file) {
        try {
            Path blob = blob(model, file);
            return Files.isRegularFile(blob) && Files.size(blob) == file.size();
        } catch (IOException e) {
            return false;
        }
    }

    Path snapshot(ModelName model, String commit) {
        return folder(model).resolve("snapshots").resolve(commit);
    }

    /// The snapshot that the model's revision was when it was last fetched; empty if it never was.
    Optional<Path> find(ModelName model) {
        try {
            String commit = model.revision();
            Path ref = folder(model).resolve("refs").resolve(model.revision());
            if (Files.isRegularFile(ref)) commit = Files.readString(ref).strip();
            if (!isCommit(commit)) return Optional.empty();
            return Optional.of(snapshot(model, commit)).filter(Files::isDirectory);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /// The file of a snapshot that is called so, or whose name ends so before `.gguf`.
    static Optional<Path> fileIn(Path snapshot, String wanted) {
        try (Stream<Path> files = Files.walk(snapshot)) {
            List<Path> found = files.filter(Files::isRegularFile)
                    .filter(file -> FileChoice.isCalled(
                            snapshot.relativize(file).toString().replace('\\', '/'), wanted))
                    .toList();
            return found.size() == 1 ? Optional.of(found.getFirst()) : Optional.empty();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /// Puts the file's name where the snapshot has it, as a link, or a copy where links cannot be made.
    void link(ModelName model, String commit, HubFile file) throws IOException {
        Path name = snapshot(model, commit).resolve(file.path());
        Path parent = Objects.requireNonNull(name.getParent());
        Files.createDirectories(parent);
        if (Files.exists(name)) return;
        Files.deleteIfExists(name); // a link to nothing
        Path blob = blob(model, file);
        try {
            Files.createSymbolicLink(name, parent.relativize(blob));
        } catch (FileAlreadyExistsException e) {
            // another process was faster, with the same
        } catch (UnsupportedOperationException | IOException e) {
            Files.copy(blob, name);
        }
    }

    /// Remembers which commit the revision is; once all files are there.
    void remember(ModelName model, String commit) throws IOException {
        if (model.revision().equals(commit)) return;
        Path ref = folder(model).resolve("refs").resolve(model.revision());
        Files.createDirectories(Objects.requireNonNull(ref.getParent()));
        Files.writeString(ref, commit);
    }

    /// All models, by name.
    List<Stored> list() {
        if (!Files.isDirectory(root)) return List.of();
        try (Stream<Path> entries = Files.list(root)) {
            List<Stored> stored = new ArrayList<>();
            for (Path folder : entries.sorted().toList()) {
                String name = folder.getFileName().toString();
                if (name.startsWith("models--") && Files.isDirectory(folder)) {
                    String repository = name.substring("models--".length()).replace("--", "/");
                    stored.add(new Stored(repository, revisions(folder), bytes(folder), folder));
                }
            }
            return stored;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static List<String> revisions(Path folder) throws IOException {
        Path refs = folder.resolve("refs");
        if (!Files.isDirectory(refs)) return List.of();
        try (Stream<Path> files = Files.walk(refs)) {
            return files.filter(Files::isRegularFile)
                    .map(file -> refs.relativize(file).toString())
                    .sorted()
                    .toList();
        }
    }

    private static long bytes(Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            long bytes = 0;
            for (Path file : files.toList()) {
                if (Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)) bytes += Files.size(file);
            }
            return bytes;
        }
    }

    /// Removes a model, all revisions of it.
    void remove(Stored stored) {
        try (Stream<Path> files = Files.walk(stored.folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) Files.delete(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
