package io.sluice.server.batches;

import io.sluice.server.http.ApiError;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/// The folder that holds files and batches, never more than so many bytes of them. Each thing has a description,
/// `ID.json`, which is replaced as a whole; a file has its lines too, `ID.jsonl`, which only grow. Any thread.
final class BatchFolder {
    private static final String DESCRIPTION = ".json";
    private static final String LINES = ".jsonl";

    private final Path folder;
    private final long bytesMax;
    private long bytes; // guarded by this

    /// @throws UncheckedIOException if the folder cannot be used
    BatchFolder(Path folder, long bytesMax) {
        this.folder = folder;
        this.bytesMax = bytesMax;
        try {
            Files.createDirectories(folder);
            for (Path file : files()) bytes += Files.size(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private List<Path> files() throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(Files::isRegularFile).toList();
        }
    }

    /// All descriptions.
    List<byte[]> descriptions() {
        try {
            List<byte[]> all = new ArrayList<>();
            for (Path file : files()) {
                if (file.getFileName().toString().endsWith(DESCRIPTION)) all.add(Files.readAllBytes(file));
            }
            return all;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    synchronized void describe(String id, byte[] json) {
        try {
            Path file = folder.resolve(id + DESCRIPTION);
            long before = sizeOf(file);
            Path fresh = folder.resolve(id + ".new");
            Files.write(fresh, json);
            Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            bytes += json.length - before;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /// Appends to a file's lines.
    ///
    /// @throws ApiError if there is no room
    synchronized void append(String id, byte[] lines) {
        if (bytes + lines.length > bytesMax) {
            throw ApiError.invalid(
                    400,
                    "file",
                    "storage_full",
                    "The server keeps at most " + bytesMax
                            + " bytes of files and batches (--batch-max-bytes); delete some.");
        }
        try {
            Files.write(lines(id), lines, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
            bytes += lines.length;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /// A file's lines; none if nothing was written.
    byte[] read(String id) {
        try {
            return Files.readAllBytes(lines(id));
        } catch (NoSuchFileException e) {
            return new byte[0];
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    long sizeOf(String id) {
        return sizeOf(lines(id));
    }

    /// Cuts off what a process that ended did not write to its end.
    synchronized void cutLastLine(String id) {
        byte[] all = read(id);
        int end = all.length;
        while (end > 0 && all[end - 1] != '\n') end--;
        if (end == all.length) return;
        try (FileChannel channel = FileChannel.open(lines(id), StandardOpenOption.WRITE)) {
            channel.truncate(end);
            bytes -= all.length - end;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    synchronized void delete(String id) {
        for (Path file : List.of(lines(id), folder.resolve(id + DESCRIPTION))) {
            try {
                bytes -= sizeOf(file);
                Files.deleteIfExists(file);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    private Path lines(String id) {
        return folder.resolve(id + LINES);
    }

    private static long sizeOf(Path file) {
        try {
            return Files.size(file);
        } catch (IOException e) {
            return 0;
        }
    }
}
