package io.sluice.server.openai;

import io.sluice.modelstore.Tokenizer;
import io.sluice.server.generation.GenerationService;
import io.sluice.server.generation.Prompt;
import io.sluice.server.http.ApiError;
import io.sluice.server.output.OutputFormat;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// A request to `/tokenize`, as vLLM has it: a prompt, or a conversation. llama.cpp's `content` is a prompt too. A
/// value.
///
/// @param addsSpecials the beginning-of-sequence id is put before a prompt, if the model wants one
/// @param spelled each token is told as the vocabulary spells it, too
record TokenizeRequest(@Nullable String model, Prompt prompt, boolean addsSpecials, boolean spelled) {

    static TokenizeRequest parse(Map<String, Object> json, OutputFormat format) {
        Fields fields = Fields.of(json);
        return new TokenizeRequest(
                fields.string("model"),
                prompt(fields, format),
                fields.isTrue(fields.has("add_special") ? "add_special" : "add_special_tokens", true),
                fields.isTrue("return_token_strs"));
    }

    private static Prompt prompt(Fields fields, OutputFormat format) {
        if (fields.has("messages")) {
            if (!fields.has("prompt")) return ChatRequest.chat(fields, Tools.parse(fields), format);
            throw ApiError.invalid("prompt", "Send either prompt or messages.");
        }
        String text = fields.string(fields.has("prompt") ? "prompt" : "content");
        if (text == null) throw ApiError.invalid("prompt", "prompt is missing: a string, or messages in its place.");
        return new Prompt.Text(text);
    }

    int[] tokens(GenerationService service) {
        Tokenizer tokenizer = service.model().tokenizer();
        return switch (prompt) {
            case Prompt.Chat chat -> tokenizer.encode(service.render(chat));
            case Prompt.Text(String text) -> addsSpecials ? tokenizer.encode(text) : tokenizer.encodeContinuation(text);
            case Prompt.Tokens(int[] ids) -> ids;
        };
    }
}
