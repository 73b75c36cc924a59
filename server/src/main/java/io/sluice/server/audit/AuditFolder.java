package io.sluice.server.audit;

import io.sluice.server.audit.AuditLine.Link;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/// The files of an audit log: `audit-N.jsonl`, named by the number of their first line, and `audit.head`, which
/// says which line is the last. One thread.
record AuditFolder(Path path) {
    private static final Pattern NAME = Pattern.compile("audit-(\\d{12})\\.jsonl");
    private static final Pattern HEAD =
            Pattern.compile("\\{\"seq\":(\\d{1,18}),\"hash\":\"([0-9a-f]{64})\",\"seal\":\"([0-9a-f]{64})\"}");

    /// Oldest first.
    List<Path> files() throws IOException {
        try (Stream<Path> all = Files.list(path)) {
            return all.filter(file -> NAME.matcher(nameOf(file)).matches())
                    .sorted()
                    .toList();
        }
    }

    Path fileFrom(long sequence) {
        return path.resolve(String.format(Locale.ROOT, "audit-%012d.jsonl", sequence));
    }

    static String nameOf(Path file) {
        return String.valueOf(file.getFileName());
    }

    /// The last line as it was noted; empty if nothing was, or something else.
    Optional<Link> head(AuditKey key) throws IOException {
        Path file = path.resolve("audit.head");
        if (!Files.exists(file)) return Optional.empty();
        Matcher form = HEAD.matcher(Files.readString(file).strip());
        if (!form.matches()) return Optional.empty();
        Link link = new Link(Long.parseLong(form.group(1)), form.group(2));
        return form.group(3).equals(seal(key, link)) ? Optional.of(link) : Optional.empty();
    }

    void writeHead(AuditKey key, Link link) throws IOException {
        String text = "{\"seq\":" + link.sequence() + ",\"hash\":\"" + link.hash() + "\",\"seal\":\"" + seal(key, link)
                + "\"}\n";
        Path fresh = path.resolve("audit.head.new");
        try (FileChannel channel = FileChannel.open(
                fresh, StandardOpenOption.CREATE, StandardOpenOption.WRITE, StandardOpenOption.TRUNCATE_EXISTING)) {
            ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
            while (bytes.hasRemaining()) channel.write(bytes);
            channel.force(true);
        }
        Files.move(
                fresh, path.resolve("audit.head"), StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    private static String seal(AuditKey key, Link link) {
        return key.seal("head " + link.sequence() + " " + link.hash());
    }

    /// Takes a last line off a file that was not written to its end: the process was killed in the middle of it.
    ///
    /// @return how many bytes that were
    static long cutUnfinished(Path file) throws IOException {
        try (RandomAccessFile access = new RandomAccessFile(file.toFile(), "rw")) {
            long end = access.length();
            long whole = end;
            while (whole > 0) {
                access.seek(whole - 1);
                if (access.read() == '\n') break;
                whole--;
            }
            access.setLength(whole);
            return end - whole;
        }
    }
}
