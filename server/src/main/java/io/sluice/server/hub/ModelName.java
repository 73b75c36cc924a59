package io.sluice.server.hub;

import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// A model as the Hugging Face Hub names it: `org/name`, with `@revision` and `:file` where they are wanted. A value.
///
/// @param repository `org/name`
/// @param revision a branch, a tag or a commit
/// @param file one of its files, or how the name of a GGUF file ends, such as `Q4_K_M`; empty for what serves it
public record ModelName(String repository, String revision, String file) {
    private static final String PART = "[A-Za-z0-9][A-Za-z0-9._-]{0,95}";
    private static final Pattern NAME =
            Pattern.compile("(" + PART + "/" + PART + ")(?:@([A-Za-z0-9][A-Za-z0-9._/-]{0,127}))?(?::([^:]{1,255}))?");

    /// Empty if no model can be called so.
    public static Optional<ModelName> parse(String text) {
        Matcher matcher = NAME.matcher(text);
        if (!matcher.matches() || text.contains("..") || text.contains("--") || text.contains("//")) {
            return Optional.empty();
        }
        String revision = matcher.group(2);
        String file = matcher.group(3);
        return Optional.of(
                new ModelName(matcher.group(1), revision == null ? "main" : revision, file == null ? "" : file));
    }

    /// The folder in the cache.
    String folder() {
        return "models--" + repository.replace("/", "--");
    }

    @Override
    public String toString() {
        return repository + (revision.equals("main") ? "" : "@" + revision) + (file.isEmpty() ? "" : ":" + file);
    }
}
