package io.sluice.benchmarks.load;

import io.sluice.benchmarks.traffic.Promise;
import io.sluice.benchmarks.traffic.Slo;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.random.RandomGenerator;
import java.util.stream.Collectors;

/// The tenants that requests are sent for, the first of them most often: the part of tenant `k` is
/// proportional to `1 / k^zipf`. A value.
final class Keyring {

    /// Tenants of one run; each has its own histograms.
    static final int KEYS_MAX = 10_000;

    /// Of whoever names none.
    static final String NO_CLASS = "standard";

    private final List<Key> keys;
    private final double[] cumulated;

    Keyring(List<Key> keys, double zipf) {
        this.keys = List.copyOf(keys);
        cumulated = new double[keys.size()];
        double sum = 0;
        for (int k = 0; k < cumulated.length; k++) {
            sum += 1 / Math.pow(k + 1, zipf);
            cumulated[k] = sum;
        }
    }

    /// One line for each tenant: its name, its key, and its class, `standard` if there is none; `#` begins a
    /// comment.
    ///
    /// @param promises by class
    /// @throws IllegalArgumentException with what is wrong, and in which line
    static List<Key> read(Path file, Map<String, Slo> promises) throws IOException {
        var keys = new ArrayList<Key>();
        Set<String> names = new HashSet<>();
        List<String> lines = Files.readAllLines(file);
        for (int i = 0; i < lines.size(); i++) {
            String line = lines.get(i).replaceFirst("#.*", "").strip();
            if (line.isEmpty()) continue;
            String[] words = line.split("\\s+", -1);
            String at = file.getFileName() + ", line " + (i + 1) + ": ";
            if (words.length < 2 || words.length > 3) {
                throw new IllegalArgumentException(at + "expected a tenant's name, its key, and perhaps its class");
            }
            String className = words.length == 3 ? words[2] : NO_CLASS;
            Slo slo = promises.get(className);
            if (slo == null) {
                throw new IllegalArgumentException(at + "no SLO is known for class \"" + className
                        + "\": give one with --slo " + className + ":ttft=1s,itl=50ms");
            }
            if (!names.add(words[0])) throw new IllegalArgumentException(at + words[0] + " is named twice");
            keys.add(new Key(words[0], words[1], className, slo));
            if (keys.size() > KEYS_MAX) throw new IllegalArgumentException(at + "more than " + KEYS_MAX + " tenants");
        }
        if (keys.isEmpty()) throw new IllegalArgumentException(file.getFileName() + " names no tenant");
        return keys;
    }

    /// What the classes of Sluice's own policy are promised where nothing else is said.
    static Map<String, Slo> promises() {
        return Promise.ALL.stream().collect(Collectors.toMap(Promise::name, Promise::slo));
    }

    /// The one tenant of a run without keys.
    static Key everybody(Map<String, Slo> promises) {
        Slo slo = promises.getOrDefault(NO_CLASS, Promise.of(NO_CLASS).slo());
        return new Key("everybody", "", NO_CLASS, slo);
    }

    Key first() {
        return keys.getFirst();
    }

    int size() {
        return keys.size();
    }

    Key draw(RandomGenerator random) {
        double uniform = random.nextDouble() * cumulated[cumulated.length - 1];
        int low = 0;
        int high = cumulated.length - 1;
        while (low < high) {
            int middle = (low + high) / 2;
            if (cumulated[middle] > uniform) high = middle;
            else low = middle + 1;
        }
        return keys.get(low);
    }
}
