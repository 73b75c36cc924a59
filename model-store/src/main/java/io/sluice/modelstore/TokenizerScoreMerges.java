package io.sluice.modelstore;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// The merges of a SentencePiece BPE vocabulary, which its file leaves out: a token comes from any two others
/// that make it up, and the token with the higher score is made first. One thread.
final class TokenizerScoreMerges {
    private record Merge(int left, int right, float score) {}

    private final String[] tokens;
    private final float[] scores;
    private final BitSet mergeable;

    /// @param mergeable the ids that take part
    TokenizerScoreMerges(String[] tokens, float[] scores, BitSet mergeable) {
        this.tokens = tokens;
        this.scores = scores;
        this.mergeable = mergeable;
    }

    /// Left and right tokens, in the order in which merges are tried.
    List<String[]> inOrder() {
        Map<String, Integer> idOf = HashMap.newHashMap(tokens.length);
        mergeable.stream().forEach(id -> idOf.put(tokens[id], id));
        List<Merge> merges = new ArrayList<>(tokens.length);
        mergeable.stream().forEach(id -> addMerges(id, idOf, merges));
        merges.sort(Comparator.comparingDouble((Merge merge) -> -merge.score())
                .thenComparingInt(Merge::left)
                .thenComparingInt(Merge::right));
        return merges.stream()
                .map(merge -> new String[] {tokens[merge.left()], tokens[merge.right()]})
                .toList();
    }

    private void addMerges(int id, Map<String, Integer> idOf, List<Merge> merges) {
        String token = tokens[id];
        for (int cut = 1; cut < token.length(); cut++) {
            if (Character.isLowSurrogate(token.charAt(cut))) {
                continue;
            }
            Integer left = idOf.get(token.substring(0, cut));
            Integer right = left == null ? null : idOf.get(token.substring(cut));
            if (left != null && right != null) {
                merges.add(new Merge(left, right, scores[id]));
            }
        }
    }
}
