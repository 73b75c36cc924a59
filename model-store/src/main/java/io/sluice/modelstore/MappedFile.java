package io.sluice.modelstore;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/// Maps files whole and read-only: weights are paged in when they are first read, and never copied to the heap
/// whole.
final class MappedFile {
    private MappedFile() {}

    /// @param arena closing it unmaps
    static MemorySegment map(Path file, Arena arena) {
        if (Files.isDirectory(file)) {
            throw new ModelFileException(file, "is a folder, not a file");
        }
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            return channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
        } catch (IOException e) {
            throw ModelFileException.unreadable(file, e);
        }
    }
}
