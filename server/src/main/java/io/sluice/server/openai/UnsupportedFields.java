package io.sluice.server.openai;

import io.sluice.server.http.ApiError;
import java.util.Collection;
import java.util.List;
import java.util.Map;

/// Refuses fields that clients know and this server does not have, unless their value asks for nothing. Fields that
/// nobody has heard of are ignored: client libraries add some every month. Any thread.
final class UnsupportedFields {

    /// Field and the values that ask for nothing, besides null, false, and empty lists, objects and texts.
    private static final Map<String, List<Object>> COMMON = Map.ofEntries(
            Map.entry("best_of", List.of(1L)),
            Map.entry("use_beam_search", List.of()),
            Map.entry("priority", List.of(0L)),
            Map.entry("store", List.of()),
            Map.entry("bad_words", List.of()),
            Map.entry("allowed_token_ids", List.of()),
            Map.entry("truncate_prompt_tokens", List.of()),
            Map.entry("length_penalty", List.of(1L, 1.0)),
            Map.entry("logprob_token_ids", List.of()),
            Map.entry("thinking_token_budget", List.of()),
            Map.entry("reasoning_budget_tokens", List.of(-1L)),
            Map.entry("repetition_detection", List.of()),
            Map.entry("logits_processors", List.of()),
            Map.entry("custom_logit_processor", List.of()),
            Map.entry("stop_regex", List.of()),
            Map.entry("lora_path", List.of()),
            Map.entry("lora", List.of()),
            Map.entry("repeat_penalty", List.of(1L, 1.0)),
            Map.entry("dry_multiplier", List.of(0L, 0.0)),
            Map.entry("xtc_probability", List.of(0L, 0.0)),
            Map.entry("mirostat", List.of(0L)),
            Map.entry("typical_p", List.of(1L, 1.0)),
            Map.entry("top_n_sigma", List.of(0L, 0.0, -1L, -1.0)),
            Map.entry("dynatemp_range", List.of(0L, 0.0)));

    private static final Map<String, List<Object>> CHAT = Map.ofEntries(
            Map.entry("echo", List.of()),
            Map.entry("functions", List.of()),
            Map.entry("function_call", List.of("none", "auto")),
            Map.entry("modalities", List.of(List.of("text"))),
            Map.entry("audio", List.of()),
            Map.entry("prediction", List.of()),
            Map.entry("web_search_options", List.of()),
            Map.entry("chat_template", List.of()));

    private static final Map<String, List<Object>> COMPLETIONS = Map.of("suffix", List.of());

    /// What to do instead, where there is something.
    private static final Map<String, String> INSTEAD = Map.ofEntries(
            Map.entry("best_of", "ask for n choices and choose among them"),
            Map.entry(
                    "suffix", "the models here continue texts and do not fill gaps; put what follows into the prompt"),
            Map.entry("store", "answers of this API are not stored; /v1/responses keeps its own for a while"),
            Map.entry(
                    "priority",
                    "the key decides; the header x-sluice-class or service_tier may ask for a class that goes later"),
            Map.entry("chat_template", "the model brings its own; chat_template_kwargs gives it variables"),
            Map.entry("functions", "send tools"),
            Map.entry("function_call", "send tool_choice"),
            Map.entry("repeat_penalty", "send repetition_penalty, which looks at all tokens so far"),
            Map.entry("thinking_token_budget", "max_tokens bounds reasoning and answer together"),
            Map.entry("reasoning_budget_tokens", "max_tokens bounds reasoning and answer together"),
            Map.entry("stop_regex", "send stop, which takes texts"));

    private UnsupportedFields() {}

    static void refuseInChat(Map<String, Object> request) {
        refuse(request, COMMON);
        refuse(request, CHAT);
    }

    static void refuseInCompletions(Map<String, Object> request) {
        refuse(request, COMMON);
        refuse(request, COMPLETIONS);
    }

    private static void refuse(Map<String, Object> request, Map<String, List<Object>> unsupported) {
        request.forEach((field, value) -> {
            List<Object> harmless = unsupported.get(field);
            if (harmless != null && !harmless.contains(value) && !asksForNothing(value, harmless)) {
                String instead = INSTEAD.containsKey(field) ? ": " + INSTEAD.get(field) + "." : ".";
                throw ApiError.invalid(
                        400, field, "unsupported_parameter", field + " is not supported by this server" + instead);
            }
        });
    }

    /// A field whose usual value is true asks for something by being false.
    private static boolean asksForNothing(Object value, List<Object> harmless) {
        return switch (value) {
            case Boolean flag -> !flag && !harmless.contains(true);
            case String text -> text.isEmpty();
            case Collection<?> list -> list.isEmpty();
            case Map<?, ?> object -> object.isEmpty();
            default -> false;
        };
    }
}
