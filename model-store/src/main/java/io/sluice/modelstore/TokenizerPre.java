package io.sluice.modelstore;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// How byte-level BPE cuts text into words before merging: what the name in a GGUF file's
/// `tokenizer.ggml.pre` stands for, as `pre_tokenizer` of a `tokenizer.json`. The patterns belong to the
/// models: one letter changed would give other token ids. A value.
///
/// @param steps the pre-tokenizers in order, each a map that becomes JSON
/// @param wholeWordsFirst a word that is in the vocabulary is taken as it is, without merging
///     (`ignore_merges`)
/// @param normalizesNfc text is put into Unicode's NFC first
/// @param addBos a prompt begins with the beginning-of-sequence token unless the file says otherwise
record TokenizerPre(List<Map<String, Object>> steps, boolean wholeWordsFirst, boolean normalizesNfc, boolean addBos) {

    private static final String CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
    private static final String LINES_AND_SPACES = "|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
    private static final String WORDS = "[^\\r\\n\\p{L}\\p{N}]?\\p{L}+";
    private static final String PUNCTUATION = "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*";
    private static final String PUNCTUATION_AND_SLASHES = "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*";

    private static final String LLAMA3 = CONTRACTIONS + "|" + WORDS + "|\\p{N}{1,3}" + PUNCTUATION + LINES_AND_SPACES;
    private static final String QWEN2 = CONTRACTIONS + "|" + WORDS + "|\\p{N}" + PUNCTUATION + LINES_AND_SPACES;
    private static final String QWEN35 = CONTRACTIONS
            + "|[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+|\\p{N}| ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*"
            + LINES_AND_SPACES;

    // A word in capitals and small letters: two cuts of the same alphabet, as the first letters or the last ones go.
    private static final String CAPITALS_FIRST =
            "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+";
    private static final String CAPITALS_ONLY =
            "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*";
    private static final String TEKKEN =
            CAPITALS_FIRST + "|" + CAPITALS_ONLY + "|\\p{N}" + PUNCTUATION_AND_SLASHES + LINES_AND_SPACES;
    private static final String GPT4O = CAPITALS_FIRST + CONTRACTIONS + "?|" + CAPITALS_ONLY + CONTRACTIONS
            + "?|\\p{N}{1,3}" + PUNCTUATION_AND_SLASHES + LINES_AND_SPACES;

    private static final String CJK_RUNS = "[一-龥぀-ゟ゠-ヿ]+";
    private static final String DEEPSEEK3 =
            "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+"
                    + "| ?[\\p{P}\\p{S}]+[\\r\\n]*"
                    + LINES_AND_SPACES;
    private static final String PUNCTUATION_RUNS = "[\\p{P}\\$\\+<=>\\^~\\|]+";
    private static final String GPT2 =
            "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

    /// What the name stands for; empty for a name that Sluice does not know.
    static Optional<TokenizerPre> named(String name) {
        return Optional.ofNullable(lookUp(name));
    }

    private static @Nullable TokenizerPre lookUp(String name) {
        return switch (name) {
            case "gpt-2", "phi-2", "mpt", "olmo", "jais", "exaone4", "trillion", "gigachat", "mellum", "modern-bert" ->
                merging(List.of(gpt2Words()));
            case "smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b", "mellum2" ->
                merging(List.of(digits(), gpt2Words()));
            case "llama-bpe", "llama3", "llama-v3", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2" ->
                new TokenizerPre(List.of(split(LLAMA3), bytes()), true, false, true);
            case "dbrx", "smaug-bpe", "glm4", "chatglm-bpe" -> merging(List.of(split(LLAMA3), bytes()));
            case "qwen2", "deepseek-r1-qwen", "megrez" ->
                new TokenizerPre(List.of(split(QWEN2), bytes()), false, true, false);
            case "stablelm2", "hunyuan", "grok-2", "solar-open" -> merging(List.of(split(QWEN2), bytes()));
            case "qwen35" -> new TokenizerPre(List.of(split(QWEN35), bytes()), false, true, false);
            case "tekken" -> new TokenizerPre(List.of(split(TEKKEN), bytes()), true, false, true);
            case "gpt-4o", "llama4", "kanana2", "minimax-m2" -> merging(List.of(split(GPT4O), bytes()));
            case "deepseek-v3", "hunyuan-dense", "joyai-llm" ->
                merging(List.of(split("\\p{N}{1,3}"), split(CJK_RUNS), split(DEEPSEEK3), bytes()));
            case "deepseek-coder" ->
                merging(List.of(
                        split("[\\r\\n]"),
                        split("\\s?\\p{L}+"),
                        split("\\s?\\p{P}+"),
                        split("[一-龥ࠀ-一가-퟿]+"),
                        digits(),
                        bytes()));
            case "falcon" ->
                merging(List.of(split("[\\p{P}\\$\\+<=>\\^~\\|`]+"), split(GPT2), split("[0-9][0-9][0-9]"), bytes()));
            case "default" ->
                merging(List.of(
                        split(PUNCTUATION_RUNS), split(GPT2), split("\\p{N}+"), split("[0-9][0-9][0-9]"), bytes()));
            default -> null;
        };
    }

    private static TokenizerPre merging(List<Map<String, Object>> steps) {
        return new TokenizerPre(steps, false, false, false);
    }

    Map<String, Object> json() {
        return Map.of("type", "Sequence", "pretokenizers", new ArrayList<>(steps));
    }

    private static Map<String, Object> split(String regex) {
        return Map.of("type", "Split", "pattern", Map.of("Regex", regex), "behavior", "Isolated", "invert", false);
    }

    private static Map<String, Object> digits() {
        return Map.of("type", "Digits", "individual_digits", true);
    }

    private static Map<String, Object> gpt2Words() {
        return byteLevel(true);
    }

    private static Map<String, Object> bytes() {
        return byteLevel(false);
    }

    private static Map<String, Object> byteLevel(boolean splitsWords) {
        return Map.of("type", "ByteLevel", "add_prefix_space", false, "trim_offsets", true, "use_regex", splitsWords);
    }
}
