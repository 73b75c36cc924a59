package io.sluice.modelstore.grammar;

import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Semaphore;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// Keeps structures that were compiled for one vocabulary: each is compiled once, however many ask for it at
/// the same time. Any thread; compiling blocks the thread that asks.
public final class GrammarCache {

    /// Masks of a large schema take some megabytes: room for dozens of those, or hundreds of everyday ones.
    private static final long BYTES_MAX = 256L << 20;

    private static final int ENTRIES_MAX = 512;

    private final Supplier<TokenVocabulary> source;

    /// At most half of the cores compile: the others are the engine's. Who comes first is served first.
    private final Semaphore compilations =
            new Semaphore(Math.max(1, Runtime.getRuntime().availableProcessors() / 2), true);

    private final Map<Structure, CompletableFuture<CompiledGrammar>> entries =
            new LinkedHashMap<>(16, 0.75f, true); // the least recently asked for first; guarded by itself

    private @Nullable TokenVocabulary vocabulary; // made when first needed; guarded by this

    /// @param vocabulary of the model; asked for once, when the first structure is
    public GrammarCache(Supplier<TokenVocabulary> vocabulary) {
        source = vocabulary;
    }

    /// The structure, ready to use.
    ///
    /// @throws GrammarException if it is wrong, unsupported or too large
    public CompiledGrammar get(Structure structure) {
        CompletableFuture<CompiledGrammar> mine = new CompletableFuture<>();
        CompletableFuture<CompiledGrammar> known;
        synchronized (entries) {
            known = entries.putIfAbsent(structure, mine);
        }
        if (known != null) return await(known);
        try {
            mine.complete(compile(structure));
        } catch (RuntimeException | Error e) {
            synchronized (entries) {
                entries.remove(structure); // a mistake takes no room
            }
            mine.completeExceptionally(e);
            throw e;
        }
        evict(structure);
        return mine.join();
    }

    private static CompiledGrammar await(CompletableFuture<CompiledGrammar> compiling) {
        try {
            return compiling.join();
        } catch (CompletionException e) {
            if (e.getCause() instanceof GrammarException mistake) throw mistake;
            throw e;
        }
    }

    private CompiledGrammar compile(Structure structure) {
        TokenVocabulary words = vocabulary();
        compilations.acquireUninterruptibly();
        try {
            return structure.compile(words);
        } finally {
            compilations.release();
        }
    }

    private synchronized TokenVocabulary vocabulary() {
        if (vocabulary == null) vocabulary = source.get();
        return vocabulary;
    }

    /// Drops those that nobody has asked for for longest, but not `newest`. Who uses them goes on doing so.
    private void evict(Structure newest) {
        synchronized (entries) {
            long bytes = 0;
            for (var entry : entries.entrySet()) bytes += bytes(entry.getKey(), entry.getValue());
            Iterator<Map.Entry<Structure, CompletableFuture<CompiledGrammar>>> oldest =
                    entries.entrySet().iterator();
            while (oldest.hasNext() && (bytes > BYTES_MAX || entries.size() > ENTRIES_MAX)) {
                var entry = oldest.next();
                if (entry.getKey().equals(newest) || !entry.getValue().isDone()) continue;
                bytes -= bytes(entry.getKey(), entry.getValue());
                oldest.remove();
            }
        }
    }

    private static long bytes(Structure structure, CompletableFuture<CompiledGrammar> entry) {
        CompiledGrammar compiled = entry.isDone() && !entry.isCompletedExceptionally() ? entry.join() : null;
        return 2L * structure.length() + (compiled == null ? 0 : compiled.bytes());
    }

    /// Structures in the cache.
    int size() {
        synchronized (entries) {
            return entries.size();
        }
    }
}
