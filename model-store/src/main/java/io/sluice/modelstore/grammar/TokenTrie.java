package io.sluice.modelstore.grammar;

import java.util.Arrays;
import java.util.List;

/// Tokens by their bytes, as a tree in preorder: the first child of node `i` is `i + 1`, its next sibling
/// `end(child)`. Node 0 is the root, which stands for no byte. Immutable; any thread.
final class TokenTrie {
    static final int NONE = -1;

    private final byte[] label; // [node]
    private final int[] end; // [node] the node after its last descendant
    private final int[] firstToken; // [node] a token that ends here
    private final int[] nextToken; // [place] another that ends at the same node, as a place
    private final int[] token; // [place]
    private final int nodeCount;
    private final int depth;

    /// Bytes `[from, bytes.length)` of token `token`.
    record Entry(byte[] bytes, int from, int token) {}

    static TokenTrie of(List<Entry> entries) {
        Entry[] sorted = entries.toArray(Entry[]::new);
        Arrays.sort(
                sorted,
                (a, b) -> Arrays.compareUnsigned(a.bytes, a.from, a.bytes.length, b.bytes, b.from, b.bytes.length));
        return new TokenTrie(sorted);
    }

    private TokenTrie(Entry[] sorted) {
        int most = 1;
        int longest = 0;
        for (Entry entry : sorted) {
            most += entry.bytes.length - entry.from;
            longest = Math.max(longest, entry.bytes.length - entry.from);
        }
        depth = longest;
        byte[] labels = new byte[most];
        int[] ends = new int[most];
        int[] first = new int[most];
        token = new int[sorted.length];
        nextToken = new int[sorted.length];
        first[0] = NONE;
        int[] path = new int[depth + 1]; // the nodes of the entry before, by depth
        int pathLength = 0;
        int nodes = 1;
        for (int place = 0; place < sorted.length; place++) {
            Entry entry = sorted[place];
            int length = entry.bytes.length - entry.from;
            int common = 0;
            while (common < pathLength
                    && common < length
                    && labels[path[common + 1]] == entry.bytes[entry.from + common]) common++;
            for (int i = common + 1; i <= pathLength; i++) ends[path[i]] = nodes;
            for (int i = common; i < length; i++) {
                labels[nodes] = entry.bytes[entry.from + i];
                first[nodes] = NONE;
                path[i + 1] = nodes++;
            }
            pathLength = length;
            token[place] = entry.token;
            nextToken[place] = first[path[length]];
            first[path[length]] = place;
        }
        for (int i = 0; i <= pathLength; i++) ends[path[i]] = nodes;
        nodeCount = nodes;
        label = Arrays.copyOf(labels, nodes);
        end = Arrays.copyOf(ends, nodes);
        firstToken = Arrays.copyOf(first, nodes);
    }

    int nodeCount() {
        return nodeCount;
    }

    /// The byte that leads to `node`, 0 to 255.
    int label(int node) {
        return label[node] & 0xFF;
    }

    /// Bytes of the longest token.
    int depth() {
        return depth;
    }

    int end(int node) {
        return end[node];
    }

    boolean hasChildren(int node) {
        return end[node] > node + 1;
    }

    /// Where the list of tokens that end at `node` begins, or `NONE`: `token(place)`, then `nextPlace(place)`.
    int firstPlace(int node) {
        return firstToken[node];
    }

    int nextPlace(int place) {
        return nextToken[place];
    }

    int token(int place) {
        return token[place];
    }

    int tokenCount() {
        return token.length;
    }

    long bytes() {
        return 9L * nodeCount + 8L * token.length;
    }
}
