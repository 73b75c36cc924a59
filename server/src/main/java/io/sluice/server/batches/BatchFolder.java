package io.sluice.server.batches;

import static java.lang.System.Logger.Level.WARNING;

import io.sluice.server.http.ApiError;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/// The folder that holds files and batches, never more than so many bytes of them; no other process uses it meanwhile.
/// Each thing has a description, `ID.json`, which is replaced as a whole; a file has its lines too, `ID.jsonl`, which
/// only grow. What cannot be written leaves nothing behind. Any thread.
final class BatchFolder implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(BatchFolder.class.getName());
    private static final String DESCRIPTION = ".json";
    private static final String LINES = ".jsonl";
    private static final String FRESH = ".new";

    /// Held for as long as the process uses the folder; the system lets go of it however the process ends.
    private static final String LOCK = "in-use.lock";

    /// A batch with all metadata that it may have, each letter escaped, takes about half of it.
    private static final int DESCRIPTION_BYTES_MAX = 128 * 1024;

    /// What was being written when a process ended, and no client has heard of.
    private static final Pattern UNFINISHED =
            Pattern.compile("(?:file-|batch_)[0-9a-f]{32}(?:-output|-error)?\\.new|file-[0-9a-f]{32}\\.jsonl");

    private final Path folder;
    private final long bytesMax;
    private final FileChannel lock;
    private long bytes; // guarded by this

    /// @throws BatchFolderUnusable if the folder cannot be used, or another server uses it
    BatchFolder(Path folder, long bytesMax) {
        this.folder = folder;
        this.bytesMax = bytesMax;
        this.lock = lock(folder);
        try {
            for (Path file : files()) {
                if (isLeftover(file)) Files.delete(file);
                else bytes += Files.size(file);
            }
        } catch (IOException e) {
            close();
            throw new BatchFolderUnusable(folder + " cannot be used: " + e);
        }
    }

    private static FileChannel lock(Path folder) {
        try {
            Files.createDirectories(folder);
            FileChannel channel =
                    FileChannel.open(folder.resolve(LOCK), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
            if (isLocked(channel)) return channel;
            channel.close();
        } catch (IOException e) {
            throw new BatchFolderUnusable(folder + " cannot be used: " + e);
        }
        throw new BatchFolderUnusable(folder + " is used by another server; each needs a folder of its own");
    }

    private static boolean isLocked(FileChannel channel) throws IOException {
        try {
            return channel.tryLock() != null;
        } catch (OverlappingFileLockException e) {
            return false; // by this very process
        }
    }

    private boolean isLeftover(Path file) {
        String name = file.getFileName().toString();
        if (!UNFINISHED.matcher(name).matches()) return false;
        if (name.endsWith(FRESH)) return true;
        String id = name.substring(0, name.length() - LINES.length());
        return !Files.exists(folder.resolve(id + DESCRIPTION));
    }

    private List<Path> files() throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(Files::isRegularFile).toList();
        }
    }

    /// All descriptions, by the ids that their files are named after.
    Map<String, byte[]> descriptions() {
        try {
            Map<String, byte[]> all = new LinkedHashMap<>();
            for (Path file : files()) {
                String name = file.getFileName().toString();
                if (!name.endsWith(DESCRIPTION)) continue;
                if (Files.size(file) > DESCRIPTION_BYTES_MAX) reportForeign(name, "it is too large");
                else all.put(name.substring(0, name.length() - DESCRIPTION.length()), Files.readAllBytes(file));
            }
            return all;
        } catch (IOException e) {
            throw new BatchFolderUnusable(folder + " cannot be read: " + e);
        }
    }

    /// Says that a description is none of ours, or damaged. It stays where it is, and counts as bytes.
    void reportForeign(String name, String why) {
        LOG.log(WARNING, "{0} in {1} is no description of a file or batch and is left alone: {2}", name, folder, why);
    }

    /// Replaces a description.
    ///
    /// @throws ApiError if it cannot be written; the one before still holds
    synchronized void describe(String id, byte[] json) {
        Path file = folder.resolve(id + DESCRIPTION);
        Path fresh = folder.resolve(id + FRESH);
        try {
            requireOpen();
            long before = sizeOf(file);
            Files.write(fresh, json);
            Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            bytes += json.length - before;
        } catch (IOException e) {
            try {
                Files.deleteIfExists(fresh);
            } catch (IOException again) {
                e.addSuppressed(again);
            }
            throw unwritable(e);
        }
    }

    /// Appends to a file's lines.
    ///
    /// @throws ApiError if there is no room, or they cannot be written; what was there before is as it was
    synchronized void append(String id, byte[] lines) {
        if (bytes + lines.length > bytesMax) {
            throw ApiError.invalid(
                    400,
                    "file",
                    "storage_full",
                    "The server keeps at most " + bytesMax
                            + " bytes of files and batches (--batch-max-bytes); delete some.");
        }
        long before = sizeOf(id);
        try {
            requireOpen();
            Files.write(lines(id), lines, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
            bytes += lines.length;
        } catch (IOException e) {
            try {
                cutAt(id, before);
            } catch (IOException again) {
                e.addSuppressed(again);
            }
            throw unwritable(e);
        }
    }

    /// Half a line would make the next one unreadable too.
    private void cutAt(String id, long length) throws IOException {
        if (length == 0) {
            Files.deleteIfExists(lines(id));
            return;
        }
        try (FileChannel channel = FileChannel.open(lines(id), StandardOpenOption.WRITE)) {
            channel.truncate(length);
        }
    }

    private void requireOpen() throws IOException {
        if (!lock.isOpen()) throw new IOException("the server is stopping");
    }

    private ApiError unwritable(IOException e) {
        LOG.log(WARNING, "files and batches cannot be written to {0}: {1}", folder, e);
        return ApiError.invalid(
                507,
                "file",
                "storage_failed",
                "The server cannot write to its folder of files and batches; its log says why. Tell its operator.");
    }

    /// A file's lines as bytes; none if nothing was written. To be closed.
    InputStream open(String id) throws IOException {
        try {
            return Files.newInputStream(lines(id));
        } catch (NoSuchFileException e) {
            return InputStream.nullInputStream();
        }
    }

    long sizeOf(String id) {
        return sizeOf(lines(id));
    }

    /// Cuts off what a process that ended did not write to its end.
    ///
    /// @param length of the lines that are whole
    synchronized void cutLastLine(String id, long length) throws IOException {
        long before = sizeOf(id);
        if (length >= before) return;
        cutAt(id, length);
        bytes -= before - length;
    }

    synchronized void delete(String id) {
        for (Path file : List.of(lines(id), folder.resolve(id + DESCRIPTION))) {
            try {
                long size = sizeOf(file);
                if (Files.deleteIfExists(file)) bytes -= size;
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

    /// Lets another process use the folder; nothing is written by this one any more.
    @Override
    public synchronized void close() {
        try {
            lock.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
