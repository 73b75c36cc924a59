package io.sluice.server.hub;

import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;

/// Decides which of a model's files are needed to serve it: configuration, tokenizer, chat template and safetensors, or
/// one GGUF file. Not the same weights in other formats.
final class FileChoice {
    private static final Set<String> TEXTS = Set.of(
            "config.json",
            "generation_config.json",
            "tokenizer.json",
            "tokenizer_config.json",
            "special_tokens_map.json",
            "chat_template.jinja",
            "chat_template.json",
            "additional_chat_templates/tool_use.jinja",
            "model.safetensors.index.json");

    private FileChoice() {}

    static List<HubFile> of(ModelName model, List<HubFile> files) {
        if (!model.file().isEmpty()) return named(model, files, model.file());
        List<HubFile> folder = files.stream()
                .filter(file -> TEXTS.contains(file.path()) || isWeights(file.path()))
                .toList();
        if (folder.stream().anyMatch(file -> file.path().endsWith(".safetensors"))) return folder;
        List<HubFile> ggufs =
                files.stream().filter(file -> lower(file).endsWith(".gguf")).toList();
        if (ggufs.size() == 1) return ggufs;
        if (ggufs.isEmpty()) {
            throw new PullFailed(model + " has neither safetensors nor a GGUF file: Sluice cannot serve it");
        }
        throw new PullFailed(
                model + " has " + ggufs.size() + " GGUF files: name one, as in " + model + ":Q4_K_M; they are "
                        + ggufs.stream().map(HubFile::path).limit(30).collect(Collectors.joining(", ")));
    }

    /// Weights at the top: folders hold other formats of the same.
    private static boolean isWeights(String path) {
        return path.matches("model(-\\d+-of-\\d+)?\\.safetensors");
    }

    private static List<HubFile> named(ModelName model, List<HubFile> files, String wanted) {
        List<HubFile> found =
                files.stream().filter(file -> isCalled(file.path(), wanted)).toList();
        if (found.size() == 1) return found;
        throw new PullFailed(model + " has " + (found.isEmpty() ? "no file " : "several files ") + wanted + "; it has "
                + files.stream().map(HubFile::path).limit(30).collect(Collectors.joining(", ")));
    }

    /// True if this is the file, or a GGUF file whose name ends so: `Q4_K_M` of `model-Q4_K_M.gguf`.
    static boolean isCalled(String path, String wanted) {
        return path.equals(wanted) || path.toLowerCase(Locale.ROOT).endsWith(wanted.toLowerCase(Locale.ROOT) + ".gguf");
    }

    private static String lower(HubFile file) {
        return file.path().toLowerCase(Locale.ROOT);
    }
}
