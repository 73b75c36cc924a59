package io.sluice.server.hub;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.HexFormat;
import java.util.OptionalLong;

/// Brings one file into the cache: goes on where an earlier try was cut off, and believes nothing but the checksum. One
/// thread.
final class FileDownload {
    private static final int BUFFER_BYTES = 1 << 18;

    /// Tries in a row that may bring nothing.
    private static final int FUTILE_MAX = 6;

    /// Whole files with a wrong checksum.
    private static final int WRONG_MAX = 2;

    private final HubClient client;
    private final HubCache cache;
    private final PullProgress progress;
    private final Pause pause;
    private final Duration silenceMax;

    /// Waits between two tries; a test does not.
    interface Pause {
        void await(Duration duration) throws InterruptedException;
    }

    /// @param silenceMax how long nothing may come before a connection counts as cut off
    FileDownload(HubClient client, HubCache cache, PullProgress progress, Pause pause, Duration silenceMax) {
        this.client = client;
        this.cache = cache;
        this.progress = progress;
        this.pause = pause;
        this.silenceMax = silenceMax;
    }

    void fetch(ModelName model, String commit, HubFile file) throws IOException, InterruptedException {
        Path incomplete = cache.incomplete(model, file);
        Files.createDirectories(incomplete.getParent());
        try (FileChannel channel = FileChannel.open(
                        incomplete, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
                FileLock _ = lock(channel, file)) {
            if (cache.has(model, file)) { // another pull was faster, and had the lock until now
                Files.deleteIfExists(incomplete);
            } else {
                if (channel.size() > file.size()) channel.truncate(0);
                fetch(model, commit, file, channel);
                channel.force(true);
                Files.move(incomplete, cache.blob(model, file), StandardCopyOption.ATOMIC_MOVE);
            }
        }
        progress.completes(file);
    }

    private static FileLock lock(FileChannel channel, HubFile file) throws IOException {
        try {
            FileLock lock = channel.tryLock();
            if (lock != null) return lock;
        } catch (OverlappingFileLockException e) {
            throw new PullFailed(file.path() + " is being fetched already", e);
        }
        throw new PullFailed(file.path() + " is being fetched by another process: wait for it");
    }

    private void fetch(ModelName model, String commit, HubFile file, FileChannel channel)
            throws IOException, InterruptedException {
        int futile = 0;
        int wrong = 0;
        long furthest = channel.size(); // a server that begins anew each time may bring less than before
        while (true) {
            long from = channel.size();
            try {
                if (from < file.size()) receive(client.download(model, commit, file, from), file, channel);
                if (checksum(file, channel).equals(file.checksum())) return;
                discard(channel);
                if (++wrong == WRONG_MAX) {
                    throw new PullFailed("what came as " + file.path() + " is not what " + model
                            + " has: its checksum is wrong, twice. Is the mirror or a proxy at fault?");
                }
                furthest = 0;
                progress.retries(file.path() + " came with a wrong checksum");
            } catch (IOException e) {
                futile = channel.size() > furthest ? 0 : futile + 1;
                furthest = Math.max(furthest, channel.size());
                if (futile == FUTILE_MAX) {
                    throw new PullFailed(
                            file.path() + " does not come: " + reason(e) + ", " + FUTILE_MAX
                                    + " times in a row. Run it again to go on where it stopped.",
                            e);
                }
                progress.retries(file.path() + ": " + reason(e));
                pause.await(delay(futile, e));
            }
        }
    }

    private static Duration delay(int futile, IOException e) {
        long asked = e instanceof HubClient.Busy busy ? busy.afterSeconds() : 0;
        return Duration.ofSeconds(Math.max(asked, futile == 0 ? 0 : 1L << (futile - 1)));
    }

    private static String reason(IOException e) {
        return e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
    }

    /// Writes what comes behind what is there.
    private void receive(HttpResponse<InputStream> response, HubFile file, FileChannel channel) throws IOException {
        try (InputStream in = response.body();
                StallGuard guard = new StallGuard(in, silenceMax)) {
            if (response.statusCode() == 416) {
                discard(channel);
                throw new IOException("the server does not go on where it stopped");
            }
            if (response.statusCode() == 200 || start(response).orElse(-1) != channel.size()) discard(channel);
            if (response.statusCode() == 206 && start(response).orElse(-1) != channel.size()) {
                throw new IOException("the server sends another part than it was asked for");
            }
            byte[] buffer = new byte[BUFFER_BYTES];
            while (channel.size() < file.size()) {
                int count = read(in, buffer, file.size() - channel.size(), guard);
                if (count < 0) {
                    throw new EOFException("cut off after " + channel.size() + " of " + file.size() + " bytes");
                }
                guard.hears();
                write(ByteBuffer.wrap(buffer, 0, count), file, channel);
                progress.advances(count);
            }
        }
    }

    /// What a disk does not take, asking the server again does not mend.
    private static void write(ByteBuffer bytes, HubFile file, FileChannel channel) {
        try {
            while (bytes.hasRemaining()) channel.write(bytes, channel.size());
        } catch (IOException e) {
            throw new PullFailed(
                    file.path() + " cannot be written into the cache: " + reason(e)
                            + ". Make room, or set HF_HUB_CACHE, and run it again to go on where it stopped.",
                    e);
        }
    }

    private int read(InputStream in, byte[] buffer, long most, StallGuard guard) throws IOException {
        try {
            return in.read(buffer, 0, (int) Math.min(buffer.length, most));
        } catch (IOException e) {
            if (!guard.isStalled()) throw e;
            throw new IOException("nothing came for " + silenceMax.toSeconds() + " s", e);
        }
    }

    /// The first byte of a part, as the answer says.
    private static OptionalLong start(HttpResponse<?> response) {
        String range = response.headers().firstValue("Content-Range").orElse("");
        return range.matches("bytes \\d{1,18}-.*")
                ? OptionalLong.of(Long.parseLong(range.substring("bytes ".length(), range.indexOf('-'))))
                : OptionalLong.empty();
    }

    private void discard(FileChannel channel) throws IOException {
        progress.advances(-channel.size());
        channel.truncate(0);
    }

    private static String checksum(HubFile file, FileChannel channel) throws IOException {
        MessageDigest digest = digest(file.isSha256() ? "SHA-256" : "SHA-1");
        if (!file.isSha256()) {
            digest.update(("blob " + channel.size() + "\0").getBytes(StandardCharsets.US_ASCII));
        }
        ByteBuffer buffer = ByteBuffer.allocate(BUFFER_BYTES);
        for (long at = 0; at < channel.size(); ) {
            int count = channel.read(buffer.clear(), at);
            if (count < 0) throw new EOFException("the file in the cache became shorter");
            digest.update(buffer.flip());
            at += count;
        }
        return HexFormat.of().formatHex(digest.digest());
    }

    private static MessageDigest digest(String algorithm) {
        try {
            return MessageDigest.getInstance(algorithm);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has " + algorithm, e);
        }
    }
}
