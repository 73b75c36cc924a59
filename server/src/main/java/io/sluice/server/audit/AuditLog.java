package io.sluice.server.audit;

import io.sluice.server.audit.AuditLine.Link;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// Writes the audit log, on a thread of its own: each line sealed together with the one before, flushed to the
/// disk before its number is noted as the last. `offer` on any thread, and never waits: what finds the queue full,
/// or cannot be written, is counted, and the log says so itself as soon as it can.
public final class AuditLog implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(AuditLog.class.getName());

    /// Some seconds of the fastest server; a line waits as a closure of some hundred bytes and its texts.
    private static final int QUEUE_MAX = 8192;

    /// Of texts that wait, a thousand long prompts: else a disk that hangs would fill the heap with them.
    private static final long WAITING_BYTES_MAX = 64L << 20;

    private static final int BATCH_MAX = 256; // lines of one flush
    private static final long PATIENCE_MS = 200; // between looks for retention and for the end
    private static final Duration BETWEEN_RETENTIONS = Duration.ofMinutes(10);

    private final AuditFolder folder;
    private final AuditKey key;
    private final Limits limits;
    private final InstantSource clock;
    private final BlockingQueue<Entry> queue;
    private final AtomicLong waitingBytes = new AtomicLong();
    private final AtomicLong lost = new AtomicLong(); // and not told yet
    private final AtomicLong lostEver = new AtomicLong();
    private final AtomicLong written = new AtomicLong();
    private final Thread thread;
    private final FileChannel lock;
    private volatile boolean closing;
    private volatile long latestSequence;
    private Link end; // the writer's, like all below
    private Link noted; // in audit.head
    private boolean failing;
    private Path file;
    private FileChannel channel;
    private long size;
    private Instant retainedAt = Instant.EPOCH;

    /// How much is kept. A value.
    ///
    /// @param fileBytesMax of one file; the next begins then
    public record Limits(long fileBytesMax, Duration retention, int queueMax) {
        public Limits(long fileBytesMax, Duration retention) {
            this(fileBytesMax, retention, QUEUE_MAX);
        }
    }

    private record Entry(Instant at, String kind, long bytes, Supplier<Map<String, Object>> fields) {}

    private AuditLog(Path path, AuditKey key, Limits limits, InstantSource clock) throws IOException {
        folder = new AuditFolder(path);
        this.key = key;
        this.limits = limits;
        this.clock = clock;
        queue = new ArrayBlockingQueue<>(limits.queueMax());
        Files.createDirectories(path);
        lock = lock(path);
        long cut = 0;
        try {
            List<Path> files = folder.files();
            file = files.isEmpty() ? folder.fileFrom(1) : files.getLast();
            if (!files.isEmpty()) cut = AuditFolder.cutUnfinished(file);
            end = endOf(files);
            noted = requiredHead();
            channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
            size = channel.size();
        } catch (IOException | RuntimeException e) {
            lock.close();
            throw e;
        }
        latestSequence = end.sequence();
        thread = Thread.ofPlatform().name("audit").daemon().unstarted(this::run);
        if (cut > 0) offer("unfinished", Map.of("bytes_cut", cut));
    }

    /// Begins a log, or goes on with the one that is there.
    ///
    /// @throws AuditUnusable if that cannot be
    public static AuditLog open(Path path, AuditKey key, Limits limits, InstantSource clock) {
        try {
            AuditLog log = new AuditLog(path, key, limits, clock);
            log.thread.start();
            return log;
        } catch (IOException e) {
            throw new AuditUnusable("the audit log in " + path + " cannot be written: " + e);
        }
    }

    private static FileChannel lock(Path path) throws IOException {
        FileChannel opened =
                FileChannel.open(path.resolve("audit.lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        boolean held = false;
        try {
            held = opened.tryLock() != null;
        } catch (OverlappingFileLockException e) {
            // Another log of this process has it.
        } finally {
            if (!held) opened.close();
        }
        if (!held) throw new AuditUnusable("another server writes the audit log in " + path + "; give each a folder");
        return opened;
    }

    private Link endOf(List<Path> files) throws IOException {
        String latest = null;
        for (int i = files.size() - 1; i >= 0 && latest == null; i--) latest = lastLine(files.get(i));
        if (latest == null) return Link.START;
        return AuditLine.parse(latest)
                .filter(line -> line.isSealedBy(key))
                .orElseThrow(() -> tampered("its last line was changed, or sealed with another key"))
                .link();
    }

    private static @Nullable String lastLine(Path file) throws IOException {
        String latest = null;
        try (BufferedReader text = Files.newBufferedReader(file)) {
            for (String line = text.readLine(); line != null; line = text.readLine()) latest = line;
        }
        return latest;
    }

    /// Going on would cover up what was removed.
    private Link requiredHead() throws IOException {
        if (end.sequence() == 0 && !Files.exists(folder.path().resolve("audit.head"))) return end;
        Link head = folder.head(key).orElseThrow(() -> tampered("audit.head is missing or was changed"));
        if (head.sequence() > end.sequence()) throw tampered("lines are missing at its end");
        return head;
    }

    private AuditUnusable tampered(String what) {
        return new AuditUnusable("the audit log in " + folder.path() + " is not as it was left: " + what
                + ". Look at it with `sluice audit verify`, and move the folder away to begin a new one");
    }

    /// Adds a line; its fields are made on the writer's thread. Any thread.
    ///
    /// @param bytes of the texts that the fields are made of, which wait with it
    public void offer(String kind, long bytes, Supplier<Map<String, Object>> fields) {
        if (!closing && waitingBytes.get() < WAITING_BYTES_MAX) {
            waitingBytes.addAndGet(bytes);
            if (queue.offer(new Entry(clock.instant(), kind, bytes, fields))) return;
            waitingBytes.addAndGet(-bytes);
        }
        lose(1);
    }

    void offer(String kind, Map<String, Object> fields) {
        offer(kind, 0, () -> fields);
    }

    /// Lines that were never written.
    public long lostCount() {
        return lostEver.get();
    }

    /// Lines that were written since the start.
    public long writtenCount() {
        return written.get();
    }

    /// The number of the last line: whoever notes it elsewhere can tell that a log was cut off.
    public long latestSequence() {
        return latestSequence;
    }

    private void run() {
        List<Entry> batch = new ArrayList<>(BATCH_MAX);
        while (true) {
            try {
                boolean last = closing;
                Entry first = queue.poll(last ? 0 : PATIENCE_MS, TimeUnit.MILLISECONDS);
                if (first != null) batch.add(first);
                queue.drainTo(batch, BATCH_MAX - 1);
                write(batch);
                noteEnd();
                if (!batch.isEmpty()) failing = false;
                enforceRetention();
                if (last && queue.isEmpty()) {
                    write(List.of()); // tells what was lost just now
                    noteEnd();
                    return;
                }
            } catch (IOException | RuntimeException | OutOfMemoryError e) {
                if (!failing) LOG.log(System.Logger.Level.ERROR, "the audit log cannot be written: lines are lost", e);
                failing = true; // said once, and again after it went well
                if (closing) return;
            } catch (InterruptedException e) {
                return; // nobody has a reason to
            }
            for (Entry entry : batch) waitingBytes.addAndGet(-entry.bytes());
            batch.clear();
        }
    }

    private void write(List<Entry> batch) throws IOException {
        List<AuditLine> lines = new ArrayList<>(batch.size() + 1);
        Link at = end;
        long told = lost.get(); // nobody else takes from it
        if (told > 0) {
            lines.add(AuditLine.make(key, at, clock.instant(), "lost", Map.of("count", told)));
            at = lines.getLast().link();
        }
        int made = 0;
        for (Entry entry : batch) {
            AuditLine line = made(at, entry);
            if (line == null) continue;
            made++;
            lines.add(line);
            at = line.link();
        }
        if (lines.isEmpty()) return;
        boolean kept = false;
        try {
            append(lines);
            kept = true;
        } finally {
            if (kept) lost.addAndGet(-told);
            else lose(made);
        }
    }

    /// Null if it cannot be made: a pattern for what is redacted may exhaust the stack on a text that a client
    /// chose, and that is the loss of one line, not of those beside it, nor the end of the log.
    private @Nullable AuditLine made(Link after, Entry entry) {
        try {
            return AuditLine.make(
                    key, after, entry.at(), entry.kind(), entry.fields().get());
        } catch (RuntimeException | StackOverflowError | OutOfMemoryError e) {
            LOG.log(System.Logger.Level.ERROR, "a line of the audit log could not be made", e);
            lose(1);
            return null;
        }
    }

    private void lose(int count) {
        lost.addAndGet(count);
        lostEver.addAndGet(count);
    }

    /// All or nothing.
    private void append(List<AuditLine> lines) throws IOException {
        if (channel.size() > size) channel.truncate(size); // what could not be taken back when it failed
        if (size >= limits.fileBytesMax()) rotate();
        StringBuilder text = new StringBuilder();
        for (AuditLine line : lines) text.append(line.text()).append('\n');
        byte[] bytes = text.toString().getBytes(StandardCharsets.UTF_8);
        try {
            ByteBuffer left = ByteBuffer.wrap(bytes);
            while (left.hasRemaining()) channel.write(left);
            channel.force(false);
        } catch (IOException e) {
            takeBack(e);
            throw e;
        }
        size += bytes.length;
        end = lines.getLast().link();
        latestSequence = end.sequence();
        written.addAndGet(lines.size());
    }

    private void takeBack(IOException because) {
        try {
            channel.truncate(size);
        } catch (IOException e) {
            because.addSuppressed(e); // the next line does it, or the next start
        }
    }

    /// After the lines themselves: if it cannot be done, they are there nevertheless, and it is done later.
    private void noteEnd() throws IOException {
        if (noted.equals(end)) return;
        folder.writeHead(key, end);
        noted = end;
    }

    private void rotate() throws IOException {
        Path next = folder.fileFrom(end.sequence() + 1);
        FileChannel opened = FileChannel.open(next, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        FileChannel full = channel;
        channel = opened;
        file = next;
        size = opened.size();
        full.close();
    }

    /// Files whose last line is older go, and the log says up to where. A line of it comes first: whoever finds
    /// the file gone can look up that it was meant to be.
    private void enforceRetention() throws IOException {
        Instant now = clock.instant();
        if (Duration.between(retainedAt, now).compareTo(BETWEEN_RETENTIONS) < 0) return;
        retainedAt = now;
        for (Path old : folder.files()) {
            boolean isOver = Files.getLastModifiedTime(old).toInstant().isBefore(now.minus(limits.retention()));
            if (old.equals(file) || !isOver) return;
            String latest = lastLine(old);
            AuditLine line = latest == null ? null : AuditLine.parse(latest).orElse(null);
            if (line == null || !line.isSealedBy(key)) return; // what was changed is not removed
            Map<String, Object> fields = new LinkedHashMap<>();
            fields.put("removed_up_to", line.sequence());
            fields.put("removed_hash", line.hash());
            fields.put("file", AuditFolder.nameOf(old));
            append(List.of(AuditLine.make(key, end, now, "retention", fields)));
            noteEnd();
            Files.delete(old);
        }
    }

    /// Writes what is left.
    @Override
    public void close() {
        closing = true;
        boolean interrupted = false;
        while (true) {
            try {
                thread.join();
                break;
            } catch (InterruptedException e) {
                interrupted = true; // the last lines must not be lost for that
            }
        }
        if (interrupted) Thread.currentThread().interrupt();
        try (lock) {
            channel.close();
        } catch (IOException e) {
            LOG.log(System.Logger.Level.WARNING, "the audit log could not be closed", e);
        }
    }
}
