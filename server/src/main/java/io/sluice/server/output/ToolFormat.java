package io.sluice.server.output;

import java.util.List;

/// How a model writes calls of tools. A value.
public enum ToolFormat {
    /// `<tool_call>{"name": ..., "arguments": {...}}</tool_call>`: Hermes, Qwen.
    HERMES("hermes"),

    /// `{"name": ..., "parameters": {...}}`, alone or after `<|python_tag|>`, several with semicolons: Llama 3.
    LLAMA3("llama3_json"),

    /// `[TOOL_CALLS][{"name": ..., "arguments": {...}}]`, or `[TOOL_CALLS]name[ARGS]{...}`: Mistral.
    MISTRAL("mistral"),

    /// `{"name": ..., "arguments": {...}}` or an array of these, and nothing else: what any model can be asked for.
    JSON("json"),

    /// Not at all: calls are text.
    NONE("none");

    static final String TOOL_CALLS = "[TOOL_CALLS]";
    static final String TOOL_CALL = "<tool_call>";
    static final String TOOL_CALL_END = "</tool_call>";
    static final String PYTHON_TAG = "<|python_tag|>";
    static final String ARGS = "[ARGS]";
    static final String CALL_ID = "[CALL_ID]";

    private final String word;

    ToolFormat(String word) {
        this.word = word;
    }

    /// As settings name it.
    public String word() {
        return word;
    }

    public static ToolFormat named(String word) {
        for (ToolFormat format : values()) {
            if (format.word.equals(word)) return format;
        }
        throw new IllegalArgumentException("no format is called " + word);
    }

    /// The one that a chat template speaks of.
    static ToolFormat ofTemplate(String source) {
        if (source.contains(TOOL_CALLS)) return MISTRAL;
        if (source.contains(TOOL_CALL)) return HERMES;
        boolean llama = source.contains(PYTHON_TAG)
                || (source.contains("<|start_header_id|>") && source.contains("\"parameters\""));
        return llama ? LLAMA3 : JSON;
    }

    /// What may be a special token of the vocabulary, and must be seen all the same.
    List<String> markers() {
        return switch (this) {
            case HERMES -> List.of(TOOL_CALL, TOOL_CALL_END);
            case LLAMA3 -> List.of(PYTHON_TAG);
            case MISTRAL -> List.of(TOOL_CALLS, ARGS, CALL_ID);
            case JSON, NONE -> List.of();
        };
    }
}
