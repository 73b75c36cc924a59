package io.sluice.modelstore;

import java.nio.file.Path;
import java.util.Optional;

final class ChatTemplates {
    private ChatTemplates() {}

    static Optional<ChatTemplate> fromFolder(Path folder) {
        throw new UnsupportedOperationException("on branch tokenizer");
    }

    static Optional<ChatTemplate> fromGguf(Path file, GgufMetadata metadata) {
        throw new UnsupportedOperationException("on branch tokenizer");
    }
}
