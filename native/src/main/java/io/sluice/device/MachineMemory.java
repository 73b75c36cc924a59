package io.sluice.device;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/// How much memory this process may still take: the machine's, or less if its control group allows less. Any thread.
final class MachineMemory {
    private final Path root;

    /// @param root where `/proc` and `/sys` are; `/` but in tests
    MachineMemory(Path root) {
        this.root = root;
    }

    /// Bytes that can be allocated without swapping or being killed; pages that the kernel can drop count as available.
    /// `Long.MAX_VALUE` where nothing says.
    long availableBytes() {
        long available = kibibytes(lines("proc/meminfo"), "MemAvailable:");
        for (String line : lines("proc/self/cgroup")) {
            String[] fields = line.split(":", 3); // hierarchy:controllers:path
            if (fields.length < 3) continue;
            if (fields[1].isEmpty()) {
                available = Math.min(available, groupBytes("sys/fs/cgroup", fields[2], V2));
            } else if (List.of(fields[1].split(",")).contains("memory")) {
                available = Math.min(available, groupBytes("sys/fs/cgroup/memory", fields[2], V1));
            }
        }
        return available;
    }

    /// File names of one version of control groups.
    private record Names(String limit, String usage, String droppable) {}

    private static final Names V2 = new Names("memory.max", "memory.current", "inactive_file ");
    private static final Names V1 = new Names("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file ");

    /// The least that the group or one above it leaves. Inside a container the path is often one of the host's that is
    /// not there; then the mount itself is the group.
    private long groupBytes(String mount, String group, Names names) {
        long least = Long.MAX_VALUE;
        Path top = root.resolve(mount);
        for (Path folder = top.resolve(group.replaceFirst("^/+", "")).normalize();
                folder != null && folder.startsWith(top);
                folder = folder.getParent()) {
            least = Math.min(least, leftBytes(folder, names));
        }
        return least;
    }

    private static long leftBytes(Path folder, Names names) {
        long limit = number(first(read(folder.resolve(names.limit))));
        if (limit == Long.MAX_VALUE) return limit;
        long usage = number(first(read(folder.resolve(names.usage))));
        if (usage == Long.MAX_VALUE) return limit;
        long droppable = 0;
        for (String line : read(folder.resolve("memory.stat"))) {
            if (line.startsWith(names.droppable)) droppable = number(line.substring(names.droppable.length()));
        }
        return Math.max(0, limit - Math.max(0, usage - droppable));
    }

    private List<String> lines(String path) {
        return read(root.resolve(path));
    }

    private static long kibibytes(List<String> lines, String key) {
        for (String line : lines) {
            if (line.startsWith(key)) return number(line.substring(key.length()).replace("kB", "")) * 1024;
        }
        return Long.MAX_VALUE;
    }

    private static String first(List<String> lines) {
        return lines.isEmpty() ? "" : lines.getFirst();
    }

    /// `max` and what is no number mean no limit.
    private static long number(String text) {
        try {
            return Long.parseLong(text.strip());
        } catch (NumberFormatException e) {
            return Long.MAX_VALUE;
        }
    }

    /// A file that is not there or cannot be read says nothing.
    private static List<String> read(Path file) {
        try {
            return Files.readAllLines(file);
        } catch (IOException e) {
            return List.of();
        }
    }
}
