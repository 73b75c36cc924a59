package io.sluice.server.batches;

import io.sluice.server.http.ApiError;
import io.sluice.server.openai.Fields;
import io.sluice.server.openai.Json;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Knows all files and batches of this instance, whose they are, and keeps them on disk: they are still there after a
/// restart. Any thread.
public final class BatchStore implements AutoCloseable {

    /// Files and batches; about a kilobyte each in memory.
    private static final int THINGS_MAX = 10_000;

    /// Batches that are not over: each has a thread.
    private static final int UNFINISHED_MAX = 64;

    private static final Duration LATER = Duration.ofMinutes(1);
    private static final int ID_BYTES = 16; // nobody guesses another's

    private final BatchFolder folder;
    private final InstantSource clock;
    private final SecureRandom random = new SecureRandom();
    private final Map<String, StoredFile> files = new LinkedHashMap<>(); // guarded by this
    private final Map<String, Batch> batches = new LinkedHashMap<>(); // guarded by this

    /// Reads what an earlier process kept.
    ///
    /// @throws BatchFolderUnusable if the folder cannot be used, or another server uses it
    public BatchStore(Path path, long bytesMax, InstantSource clock) {
        this.folder = new BatchFolder(path, bytesMax);
        this.clock = clock;
        try {
            Map<String, Fields> described = new LinkedHashMap<>();
            folder.descriptions().forEach((id, json) -> describedBy(id, json).ifPresent(it -> described.put(id, it)));
            described.entrySet().stream()
                    .sorted(Comparator.comparingLong(entry -> created(entry.getValue())))
                    .forEach(entry -> know(entry.getKey(), entry.getValue()));
        } catch (BatchFolderUnusable e) {
            folder.close();
            throw e;
        }
    }

    /// A description as it was written; empty for anything else.
    private Optional<Fields> describedBy(String id, byte[] json) {
        try {
            Fields description = Fields.of(Json.parseObject(json));
            Fields view = description.object("view");
            boolean ours = view != null
                    && id.equals(view.string("id"))
                    && description.string("owner") != null
                    && (StoredFile.isOne(id, description, view) || Batch.isOne(id, description, view));
            if (ours) return Optional.of(description);
            folder.reportForeign(id, "it does not say what it describes");
        } catch (ApiError e) {
            folder.reportForeign(id, "it is no JSON object, or only half of one");
        }
        return Optional.empty();
    }

    private static long created(Fields description) {
        Fields view = description.object("view");
        return view == null ? 0 : Batch.number(view, "created_at");
    }

    private void know(String id, Fields description) {
        Fields view = description.object("view");
        String owner = description.string("owner");
        if (view == null || owner == null) return;
        try {
            if (StoredFile.isOne(id, description, view)) files.put(id, StoredFile.of(owner, view));
            else batches.put(id, Batch.of(owner, view.values()));
        } catch (ApiError e) {
            folder.reportForeign(id, e.getMessage());
        }
    }

    String freshId(String prefix) {
        byte[] id = new byte[ID_BYTES];
        random.nextBytes(id);
        return prefix + HexFormat.of().formatHex(id);
    }

    long nowSecond() {
        return clock.instant().getEpochSecond();
    }

    /// Keeps a file that was sent.
    synchronized StoredFile add(String owner, String name, String purpose, byte[] content) {
        requireRoom();
        String id = freshId("file-");
        folder.append(id, content);
        try {
            return describe(new StoredFile(id, owner, name, purpose, content.length, nowSecond()));
        } catch (ApiError e) {
            folder.delete(id); // nobody will ever ask for it
            throw e;
        }
    }

    /// Keeps a file whose lines were written by a batch.
    synchronized void addWritten(String id, String owner, String name) {
        describe(new StoredFile(id, owner, name, "batch_output", folder.sizeOf(id), nowSecond()));
    }

    private StoredFile describe(StoredFile file) {
        folder.describe(file.id(), file.description());
        files.put(file.id(), file);
        return file;
    }

    synchronized Batch begin(String owner, Batch.Wish wish, Duration window) {
        requireRoom();
        long unfinished =
                batches.values().stream().filter(batch -> !batch.isOver()).count();
        if (unfinished >= UNFINISHED_MAX) {
            throw ApiError.overQuota(
                    "too_many_batches", "There are " + UNFINISHED_MAX + " batches that are not over, the most.", LATER);
        }
        long now = nowSecond();
        Batch batch = Batch.begin(freshId("batch_"), owner, wish, now, now + window.toSeconds());
        save(batch); // first: what cannot be kept must not have begun
        batches.put(batch.text("id"), batch);
        return batch;
    }

    private void requireRoom() {
        if (files.size() + batches.size() < THINGS_MAX) return;
        throw ApiError.invalid(
                400,
                null,
                "storage_full",
                "The server keeps at most " + THINGS_MAX
                        + " files and batches; delete files, and batches go with their input.");
    }

    void save(Batch batch) {
        folder.describe(batch.text("id"), batch.description());
    }

    BatchFolder folder() {
        return folder;
    }

    synchronized Optional<StoredFile> file(String id, String owner) {
        return Optional.ofNullable(files.get(id)).filter(file -> file.owner().equals(owner));
    }

    synchronized List<StoredFile> files(String owner) {
        return files.values().stream()
                .filter(file -> file.owner().equals(owner))
                .toList();
    }

    synchronized Optional<Batch> batch(String id, String owner) {
        return Optional.ofNullable(batches.get(id))
                .filter(batch -> batch.owner().equals(owner));
    }

    /// Newest first.
    synchronized List<Batch> batches(String owner) {
        List<Batch> own = batches.values().stream()
                .filter(batch -> batch.owner().equals(owner))
                .toList();
        return own.reversed();
    }

    synchronized List<Batch> unfinished() {
        return batches.values().stream().filter(batch -> !batch.isOver()).toList();
    }

    /// Deletes a file; the batches that read it go with it, if they are over.
    ///
    /// @throws ApiError if one is not
    synchronized void delete(StoredFile file) {
        List<Batch> readers = batches.values().stream()
                .filter(batch -> batch.text("input_file_id").equals(file.id()))
                .toList();
        if (readers.stream().anyMatch(batch -> !batch.isOver())) {
            throw ApiError.invalid(
                    409, "file_id", "file_in_use", "A batch that is not over reads this file; cancel it first.");
        }
        for (Batch batch : readers) {
            batches.remove(batch.text("id"));
            folder.delete(batch.text("id"));
        }
        files.remove(file.id());
        folder.delete(file.id());
    }

    /// Lets another process use the folder.
    @Override
    public void close() {
        folder.close();
    }

    /// The same words whether it never was, is no more, lives elsewhere or is somebody else's.
    static ApiError notHere(String field, String id) {
        return ApiError.invalid(
                404,
                field,
                "not_here",
                "\"" + (id.length() <= 64 ? id : id.substring(0, 64) + "…")
                        + "\" is not here for this key. Files and batches are kept on the server instance that took them.");
    }
}
