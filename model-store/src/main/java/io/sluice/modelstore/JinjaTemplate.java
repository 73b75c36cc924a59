package io.sluice.modelstore;

import java.time.Clock;
import java.time.LocalDateTime;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// A chat template of the Jinja language, parsed, with the variables that Hugging Face gives to every
/// template. Immutable; any thread.
///
/// Text from messages and variables counts as the user's, with one exception: the names of the roles that
/// everyone uses. Templates put them inside their markers (`<|` + role + `|>`), and no marker that matters is
/// called so.
final class JinjaTemplate implements ChatTemplate {
    private static final Set<String> KNOWN_ROLES =
            Set.of("system", "user", "assistant", "tool", "developer", "function");

    private final String source;
    private final List<JinjaStatement> statements;
    private final Map<String, Object> constants;
    private final Clock clock;

    /// @param constants names of the model's special tokens, such as `bos_token`, and their texts
    /// @param clock what `strftime_now` reads, in the zone that it tells the time of
    /// @throws JinjaException if the template does not parse
    JinjaTemplate(String template, Map<String, String> constants, Clock clock) {
        source = template;
        statements = JinjaParser.parse(template);
        Map<String, Object> values = new HashMap<>();
        constants.forEach((name, text) -> values.put(name, JinjaText.template(text)));
        this.constants = Map.copyOf(values);
        this.clock = clock;
    }

    @Override
    public RenderedChat render(List<Map<String, Object>> messages, Map<String, Object> variables) {
        try {
            Map<String, Object> values = new HashMap<>(constants);
            values.put("tools", JinjaValues.NONE);
            values.put("documents", JinjaValues.NONE);
            values.put("add_generation_prompt", true);
            values.put("strftime_now", JinjaGlobals.strftimeAt(LocalDateTime.now(clock)));
            variables.forEach((name, value) -> values.put(name, JinjaValues.ofRequest(value)));
            values.put("messages", messages.stream().map(JinjaTemplate::message).toList());
            return new JinjaRenderer().render(statements, values);
        } catch (JinjaException e) {
            throw new ChatTemplateException(e.described());
        }
    }

    @Override
    public String source() {
        return source;
    }

    private static Object message(Map<String, Object> message) {
        Object value = JinjaValues.ofRequest(message);
        if (value instanceof Map<?, ?> && message.get("role") instanceof String role && KNOWN_ROLES.contains(role)) {
            @SuppressWarnings("unchecked") // ofRequest makes such a map, and nobody else has it yet
            Map<Object, Object> values = (Map<Object, Object>) value;
            values.put(JinjaText.template("role"), JinjaText.template(role));
        }
        return value;
    }
}
