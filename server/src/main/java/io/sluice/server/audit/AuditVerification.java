package io.sluice.server.audit;

import io.sluice.server.audit.AuditLine.Link;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// Reads an audit log from its first line to its last, and says whether any was removed, edited or reordered. One
/// thread.
public final class AuditVerification {
    private static final Pattern RETENTION = Pattern.compile(
            ".*,\"kind\":\"retention\",\"removed_up_to\":(\\d{1,18}),\"removed_hash\":\"([0-9a-f]{64})\",.*",
            Pattern.DOTALL);
    private static final Pattern LOST =
            Pattern.compile(".*,\"kind\":\"lost\",\"count\":(\\d{1,18}),.*", Pattern.DOTALL);

    private final AuditFolder folder;
    private final AuditKey key;
    private final Consumer<String> reader;
    private @Nullable Link last; // null before the first line
    private @Nullable Link expectedBefore; // what was removed, if lines are missing at the beginning
    private boolean removalIsRecorded;
    private boolean headSeen;
    private long lines;
    private long lost;

    /// What was found. A value.
    public sealed interface Result {

        /// Nothing was changed.
        ///
        /// @param lost requests that were never written, as the log itself says
        record Intact(long lines, long lost) implements Result {}

        /// Something was, here at the latest.
        ///
        /// @param place file and line
        record Broken(String place, String problem) implements Result {}
    }

    private AuditVerification(Path folder, AuditKey key, Consumer<String> reader) {
        this.folder = new AuditFolder(folder);
        this.key = key;
        this.reader = reader;
    }

    public static Result of(Path folder, AuditKey key) {
        return read(folder, key, _ -> {});
    }

    /// The same, and hands over each line on the way, until something is wrong.
    ///
    /// @throws AuditUnusable if it cannot be read
    public static Result read(Path folder, AuditKey key, Consumer<String> reader) {
        try {
            return new AuditVerification(folder, key, reader).run();
        } catch (IOException e) {
            throw new AuditUnusable("the audit log in " + folder + " cannot be read: " + e);
        }
    }

    private Result run() throws IOException {
        List<Path> files = folder.files();
        if (files.isEmpty()) throw new AuditUnusable("there is no audit log in " + folder.path());
        Optional<Link> head = folder.head(key);
        for (Path file : files) {
            Result.Broken broken = readFile(file, head);
            if (broken != null) return broken;
        }
        Link end = last;
        if (end == null) return new Result.Broken(AuditFolder.nameOf(files.getFirst()), "has no line");
        if (head.isEmpty()) {
            return new Result.Broken(
                    "audit.head",
                    "is missing, was changed, or was sealed with another key: lines at the end may be missing");
        }
        if (!headSeen) {
            long missing = head.get().sequence() - end.sequence();
            return new Result.Broken(
                    AuditFolder.nameOf(files.getLast()),
                    missing > 0
                            ? "ends with line " + end.sequence() + ", but line "
                                    + head.get().sequence() + " was written: " + missing + " lines were removed"
                            : "has another line " + head.get().sequence() + " than was written");
        }
        Link before = expectedBefore;
        if (before != null && !removalIsRecorded) {
            return new Result.Broken(
                    AuditFolder.nameOf(files.getFirst()),
                    "begins after line " + before.sequence() + ", and no line says that those before were removed");
        }
        return new Result.Intact(lines, lost);
    }

    private Result.@Nullable Broken readFile(Path file, Optional<Link> head) throws IOException {
        int number = 0;
        try (BufferedReader text = Files.newBufferedReader(file)) {
            for (String line = text.readLine(); line != null; line = text.readLine()) {
                String place = AuditFolder.nameOf(file) + ":" + ++number;
                String problem = take(line, head);
                if (problem != null) return new Result.Broken(place, problem);
                reader.accept(line);
            }
        } catch (CharacterCodingException e) {
            return new Result.Broken(AuditFolder.nameOf(file) + ":" + (number + 1), "is not text");
        }
        return null;
    }

    /// What is wrong with the next line; null if it is right.
    private @Nullable String take(String text, Optional<Link> head) {
        AuditLine line = AuditLine.parse(text).orElse(null);
        if (line == null) return "is no line of an audit log: it was changed, or was not written to its end";
        if (!line.isSealedBy(key))
            return "does not have the seal that its content has: it was changed, or the key is another";
        Link before = last;
        if (before == null) {
            if (line.sequence() > 1) expectedBefore = new Link(line.sequence() - 1, line.before());
            else if (!line.before().equals(AuditLine.BEGINNING)) return "is the first line, and names one before it";
        } else if (line.sequence() != before.sequence() + 1) {
            return "is line " + line.sequence() + " where line " + (before.sequence() + 1)
                    + " is expected: lines were removed or reordered";
        } else if (!line.before().equals(before.hash())) {
            return "does not follow the line before it: lines were replaced";
        }
        last = line.link();
        lines++;
        if (head.isPresent() && head.get().equals(line.link())) headSeen = true;
        note(text);
        return null;
    }

    private void note(String text) {
        Matcher retention = RETENTION.matcher(text);
        Link before = expectedBefore;
        if (before != null && retention.matches()) {
            removalIsRecorded |= before.equals(new Link(Long.parseLong(retention.group(1)), retention.group(2)));
        }
        Matcher lostLines = LOST.matcher(text);
        if (lostLines.matches()) lost += Long.parseLong(lostLines.group(1));
    }
}
