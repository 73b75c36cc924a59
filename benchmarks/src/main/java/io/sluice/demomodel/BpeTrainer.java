package io.sluice.demomodel;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Learns a byte-level BPE vocabulary (Sennrich et al., 2016; bytes as in GPT-2): begins with the 256 bytes and joins,
/// again and again, the pair that is most frequent. Equal counts are settled by the pair's spelling, so that the same
/// text gives the same vocabulary. Stateless.
final class BpeTrainer {
    private BpeTrainer() {}

    /// What was learned: every token with its id, specials first, then bytes, then joined tokens in order; and the
    /// joined pairs, `left right`, in order of precedence.
    record Vocabulary(List<String> specials, Map<String, Integer> ids, List<String> merges) {}

    private record Pair(String left, String right) {
        String joined() {
            return left + right;
        }
    }

    /// The pieces that tokens never cross: single digits, and GPT-2's words, numbers, punctuation and spaces.
    private static final Pattern PIECE =
            Pattern.compile("'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+");

    static Vocabulary train(Iterable<String> texts, List<String> specials, int vocabSize) {
        var ids = new LinkedHashMap<String, Integer>();
        specials.forEach(special -> ids.put(special, ids.size()));
        for (String symbol : byteSymbols()) {
            ids.put(symbol, ids.size());
        }
        Map<List<String>, Long> words = words(texts);
        var merges = new ArrayList<String>();
        while (ids.size() < vocabSize) {
            Pair best = mostFrequent(words);
            words = join(words, best);
            merges.add(best.left() + " " + best.right());
            // Two different pairs can spell the same token: it keeps its first id.
            ids.putIfAbsent(best.joined(), ids.size());
        }
        return new Vocabulary(List.copyOf(specials), ids, List.copyOf(merges));
    }

    /// The symbol of each byte: itself where it prints, else a letter above U+0100, as in GPT-2.
    static String[] byteSymbols() {
        var symbols = new String[256];
        int next = 256;
        for (int b = 0; b < 256; b++) {
            boolean prints = (b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
            symbols[b] = String.valueOf((char) (prints ? b : next++));
        }
        return symbols;
    }

    private static Map<List<String>, Long> words(Iterable<String> texts) {
        var counts = new HashMap<String, Long>();
        for (String text : texts) {
            Matcher piece = PIECE.matcher(text);
            while (piece.find()) {
                counts.merge(piece.group(), 1L, Long::sum);
            }
        }
        String[] symbols = byteSymbols();
        var words = new HashMap<List<String>, Long>();
        counts.forEach((word, count) -> {
            var spelled = new ArrayList<String>();
            for (byte b : word.getBytes(StandardCharsets.UTF_8)) {
                spelled.add(symbols[b & 0xFF]);
            }
            words.put(List.copyOf(spelled), count);
        });
        return words;
    }

    private static Pair mostFrequent(Map<List<String>, Long> words) {
        var counts = new HashMap<Pair, Long>();
        words.forEach((word, count) -> {
            for (int i = 0; i + 1 < word.size(); i++) {
                counts.merge(new Pair(word.get(i), word.get(i + 1)), count, Long::sum);
            }
        });
        return counts.entrySet().stream()
                .max(Comparator.<Map.Entry<Pair, Long>>comparingLong(Map.Entry::getValue)
                        .thenComparing(entry -> entry.getKey().left())
                        .thenComparing(entry -> entry.getKey().right()))
                .orElseThrow(() -> new IllegalArgumentException("the text is too small for so many tokens"))
                .getKey();
    }

    private static Map<List<String>, Long> join(Map<List<String>, Long> words, Pair pair) {
        var joined = HashMap.<List<String>, Long>newHashMap(words.size());
        words.forEach((word, count) -> {
            var out = new ArrayList<String>(word.size());
            for (int i = 0; i < word.size(); i++) {
                boolean here = i + 1 < word.size()
                        && word.get(i).equals(pair.left())
                        && word.get(i + 1).equals(pair.right());
                out.add(here ? pair.joined() : word.get(i));
                i += here ? 1 : 0;
            }
            joined.put(out, count);
        });
        return joined;
    }
}
