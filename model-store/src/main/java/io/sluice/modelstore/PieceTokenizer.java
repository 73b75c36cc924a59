package io.sluice.modelstore;

import ai.djl.huggingface.tokenizers.jni.LibUtils;
import ai.djl.huggingface.tokenizers.jni.TokenizersLibrary;
import java.lang.ref.Cleaner;
import java.lang.ref.Reference;
import java.nio.file.Path;

/// Encodes pieces of plain text with Hugging Face's native tokenizers, as DJL packages them. Any thread.
///
/// It calls DJL's native interface itself: `HuggingFaceTokenizer` in front of it asks a cloud metadata
/// service who it is when it is made, and copies six arrays out of each encoding where one is needed. The
/// native tokenizer is freed when this object is garbage.
final class PieceTokenizer {
    private static final Cleaner CLEANER = Cleaner.create();

    private final long handle;

    private PieceTokenizer(long handle) {
        this.handle = handle;
        CLEANER.register(this, () -> TokenizersLibrary.LIB.deleteTokenizer(handle));
    }

    /// @param json a `tokenizer.json`
    /// @throws ModelFileException if the native library refuses it
    static PieceTokenizer load(Path file, String json) {
        try {
            LibUtils.checkStatus();
            return new PieceTokenizer(TokenizersLibrary.LIB.createTokenizerFromString(json));
        } catch (RuntimeException | LinkageError e) {
            throw new ModelFileException(file, "the tokenizer cannot be loaded: " + rootMessage(e), e);
        }
    }

    private static String rootMessage(Throwable problem) {
        Throwable root = problem;
        while (root.getCause() != null) {
            root = root.getCause();
        }
        return String.valueOf(root.getMessage());
    }

    /// Ids of the piece, nothing added.
    long[] encode(String piece) {
        long encoding = TokenizersLibrary.LIB.encode(handle, wellFormed(piece), false);
        try {
            return TokenizersLibrary.LIB.getTokenIds(encoding);
        } finally {
            TokenizersLibrary.LIB.deleteEncoding(encoding);
            Reference.reachabilityFence(this);
        }
    }

    /// Half a surrogate pair has no UTF-8: it becomes U+FFFD.
    private static String wellFormed(String text) {
        for (int i = 0; i < text.length(); i += Character.charCount(text.codePointAt(i))) {
            if (Character.getType(text.codePointAt(i)) == Character.SURROGATE) {
                return text.codePoints()
                        .map(c -> Character.getType(c) == Character.SURROGATE ? 0xFFFD : c)
                        .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
                        .toString();
            }
        }
        return text;
    }
}
