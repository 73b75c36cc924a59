package io.sluice.server.output;

/// What a model's answers are made of besides text. A value.
///
/// @param tools how it writes calls
/// @param thinks it writes `<think>...</think>` before it answers
/// @param templateTakesTools its chat template describes tools to it; else somebody else must
public record OutputFormat(ToolFormat tools, boolean thinks, boolean templateTakesTools) {
    public static final String AUTO = "auto";

    /// The words by which a setting chooses: what the template says, always, or never.
    public static final String THINK = "think";

    /// A model that writes text.
    public static final OutputFormat PLAIN = new OutputFormat(ToolFormat.NONE, false, false);

    /// What a model's chat template speaks of, unless a setting says otherwise.
    ///
    /// @param template the chat template, as its author wrote it
    /// @param toolFormat, reasoning as the settings have them
    public static OutputFormat of(String template, String toolFormat, String reasoning) {
        ToolFormat tools = toolFormat.equals(AUTO) ? ToolFormat.ofTemplate(template) : ToolFormat.named(toolFormat);
        boolean thinks = reasoning.equals(AUTO) ? template.contains(Thinking.END) : reasoning.equals(THINK);
        return new OutputFormat(tools, thinks, template.contains("tools"));
    }
}
