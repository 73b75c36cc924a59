package io.sluice.server.hub;

import java.io.Console;
import java.io.IOException;
import java.io.OutputStreamWriter;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletionService;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorCompletionService;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Consumer;
import java.util.function.ToLongFunction;

/// Fetches models from the Hugging Face Hub into the cache that its own tools use, and finds them there. One thread
/// calls.
public final class HubModels {
    /// Files that come at once: more share the same line, and mirrors count connections.
    private static final int FILES_AT_ONCE = 4;

    /// Left free on the disk beside the model.
    private static final long SPARE_BYTES = 256L << 20;

    /// Nothing may come for so long before a connection counts as cut off.
    private static final Duration SILENCE_MAX = Duration.ofSeconds(60);

    /// So long a list of files may take: the largest have a few MiB.
    private static final Duration LISTING_MAX = Duration.ofSeconds(60);

    /// Tries to get the list of files.
    private static final int LISTING_TRIES = 5;

    private final HubSettings settings;
    private final HubCache cache;
    private final PullProgress progress;
    private final FileDownload.Pause pause;
    private final ToLongFunction<Path> usableBytes;

    HubModels(HubSettings settings, PullProgress progress, FileDownload.Pause pause, ToLongFunction<Path> usableBytes) {
        this.settings = settings;
        this.progress = progress;
        this.pause = pause;
        this.usableBytes = usableBytes;
        cache = new HubCache(settings.cache());
    }

    /// Where the model is that a server was told to serve, if it was told a name of the Hub and not a path: fetched, as
    /// far as it is not here; if the Hub cannot be asked, as it is here. Empty for a path.
    ///
    /// @param say takes lines for the operator
    /// @throws PullFailed if it cannot be had
    public static Optional<Path> fetched(String source, Consumer<String> say) {
        boolean local = Files.exists(Path.of(source)) || source.endsWith(".gguf") || source.endsWith(".safetensors");
        Optional<ModelName> name = local ? Optional.empty() : ModelName.parse(source);
        return name.map(model -> fetched(model, say));
    }

    private static Path fetched(ModelName model, Consumer<String> say) {
        HubSettings settings = HubSettings.of(System.getenv(), Path.of(System.getProperty("user.home")));
        PrintWriter lines = new PrintWriter(new OutputStreamWriter(System.err, StandardCharsets.UTF_8), true);
        HubModels models = inTerminal(settings, lines);
        try {
            return models.pull(model);
        } catch (PullFailed e) {
            Path here = models.cached(model)
                    .orElseThrow(() -> new PullFailed(
                            "there is no file or folder " + model + ", and as a model of the Hub: " + e.getMessage(),
                            e));
            say.accept("Taking " + model + " as it is here: " + e.getMessage());
            return here;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new PullFailed("fetching " + model + " was interrupted", e);
        }
    }

    /// As a command in a terminal wants it.
    ///
    /// @param lines where it is told how it gets on
    public static HubModels inTerminal(HubSettings settings, PrintWriter lines) {
        PullProgress progress = new TerminalProgress(lines, isTerminal(), System::nanoTime);
        return new HubModels(settings, progress, Thread::sleep, HubModels::usableBytes);
    }

    private static boolean isTerminal() {
        return Optional.ofNullable(System.console()).filter(Console::isTerminal).isPresent();
    }

    /// What a disk has to offer at this path.
    private static long usableBytes(Path path) {
        try {
            return Files.getFileStore(path).getUsableSpace();
        } catch (IOException e) {
            throw new PullFailed("the free space at " + path + " cannot be told: " + e.getMessage(), e);
        }
    }

    /// Fetches what is missing of the model, and returns what to open: its folder, or the file that was named.
    ///
    /// @throws PullFailed if it cannot be had
    public Path pull(ModelName model) throws InterruptedException {
        if (settings.offline()) {
            return cached(model)
                    .orElseThrow(() -> new PullFailed(model + " is not in " + settings.cache()
                            + ", and HF_HUB_OFFLINE is set: unset it, or fetch the model elsewhere"));
        }
        try (HubClient client = new HubClient(settings, LISTING_MAX)) {
            HubClient.Listing listing = list(client, model);
            List<HubFile> files = FileChoice.of(model, listing.files());
            List<HubFile> missing = missing(model, files);
            requireSpace(model, missing);
            if (!missing.isEmpty()) fetch(client, model, listing.commit(), missing);
            for (HubFile file : files) cache.link(model, listing.commit(), file);
            cache.remember(model, listing.commit());
            Path snapshot = cache.snapshot(model, listing.commit());
            return model.file().isEmpty()
                    ? snapshot
                    : snapshot.resolve(files.getFirst().path());
        } catch (IOException e) {
            throw new PullFailed("cannot write to " + settings.cache() + ": " + e.getMessage(), e);
        }
    }

    /// The model as it was last fetched; empty if it never was.
    public Optional<Path> cached(ModelName model) {
        Optional<Path> snapshot = cache.find(model);
        return model.file().isEmpty() ? snapshot : snapshot.flatMap(folder -> HubCache.fileIn(folder, model.file()));
    }

    private HubClient.Listing list(HubClient client, ModelName model) throws InterruptedException {
        for (int tries = 1; ; tries++) {
            try {
                return client.list(model);
            } catch (IOException e) {
                String why = e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
                if (tries == LISTING_TRIES) {
                    throw new PullFailed(
                            settings.endpoint() + " cannot be asked: " + why
                                    + ". HF_ENDPOINT names a mirror, HF_HUB_OFFLINE=1 takes what is here already.",
                            e);
                }
                progress.retries(why);
                long asked = e instanceof HubClient.Busy busy ? busy.afterSeconds() : 0;
                pause.await(Duration.ofSeconds(Math.max(asked, 1L << (tries - 1))));
            }
        }
    }

    /// One of each content: files that are alike share it.
    private List<HubFile> missing(ModelName model, List<HubFile> files) {
        Map<String, HubFile> byContent = new LinkedHashMap<>();
        for (HubFile file : files) {
            if (!cache.has(model, file)) byContent.putIfAbsent(file.checksum(), file);
        }
        return List.copyOf(byContent.values());
    }

    private void requireSpace(ModelName model, List<HubFile> missing) throws IOException {
        long needed = 0;
        for (HubFile file : missing) {
            Path incomplete = cache.incomplete(model, file);
            needed += file.size() - (Files.exists(incomplete) ? Math.min(file.size(), Files.size(incomplete)) : 0);
        }
        if (needed == 0) return;
        Files.createDirectories(settings.cache());
        long usable = usableBytes.applyAsLong(settings.cache());
        if (needed + SPARE_BYTES > usable) {
            throw new PullFailed("%s needs %,d MiB more, and %s has %,d MiB free: make room, or set HF_HUB_CACHE"
                    .formatted(model, Math.ceilDiv(needed, 1L << 20), settings.cache(), usable >> 20));
        }
    }

    private void fetch(HubClient client, ModelName model, String commit, List<HubFile> missing)
            throws IOException, InterruptedException {
        long bytes = missing.stream().mapToLong(HubFile::size).sum();
        progress.begins(missing.size(), bytes);
        FileDownload download = new FileDownload(client, cache, progress, pause, SILENCE_MAX);
        ExecutorService threads = Executors.newFixedThreadPool(FILES_AT_ONCE);
        try {
            CompletionService<HubFile> fetched = new ExecutorCompletionService<>(threads);
            for (HubFile file : missing) {
                Future<HubFile> _ = fetched.submit(() -> {
                    progress.advances(present(model, file));
                    download.fetch(model, commit, file);
                    return file;
                });
            }
            for (int ended = 0; ended < missing.size(); ended++) fetched.take().get();
        } catch (ExecutionException e) {
            if (e.getCause() instanceof PullFailed failed) throw failed;
            if (e.getCause() instanceof IOException failed) throw failed;
            throw new IllegalStateException(e.getCause());
        } finally {
            threads.shutdownNow(); // one that fails stops the others
            threads.close();
            progress.ends();
        }
    }

    private long present(ModelName model, HubFile file) throws IOException {
        Path incomplete = cache.incomplete(model, file);
        return Files.exists(incomplete) ? Files.size(incomplete) : 0;
    }
}
