package io.sluice.modelstore;

import java.nio.charset.StandardCharsets;
import java.util.AbstractList;
import java.util.Objects;
import java.util.RandomAccess;

/// An array of strings as a GGUF file has it, decoded one by one when asked for: opening a model must not wait
/// for a vocabulary of 100,000 tokens that the tokenizer reads later on another thread. Immutable; any thread.
final class PackedStrings extends AbstractList<String> implements RandomAccess {
    static final int LENGTH_BYTES = Long.BYTES;

    private final byte[] packed; // per string its length, 8 bytes, then its UTF-8
    private final int[] starts; // where each string's UTF-8 begins; one more as if another string followed

    PackedStrings(byte[] packed, int[] starts) {
        this.packed = packed;
        this.starts = starts;
    }

    @Override
    public String get(int index) {
        Objects.checkIndex(index, size());
        int length = starts[index + 1] - LENGTH_BYTES - starts[index];
        return new String(packed, starts[index], length, StandardCharsets.UTF_8);
    }

    @Override
    public int size() {
        return starts.length - 1;
    }
}
