package io.sluice.server;

import io.sluice.modelstore.ChatTemplate;
import io.sluice.modelstore.RenderedChat;
import java.util.BitSet;
import java.util.List;
import java.util.Map;

/// `[role]content` per message: the last message comes last, and with it the script. Any thread.
record ScriptedTemplate() implements ChatTemplate {
    @Override
    public RenderedChat render(List<Map<String, Object>> messages, Map<String, Object> variables) {
        if (variables.containsKey("refuse")) throw new ChatTemplateException("as it was told to");
        StringBuilder text = new StringBuilder();
        if (variables.get("tools") instanceof List<?> tools)
            text.append("[tools]").append(tools);
        for (Map<String, Object> message : messages) {
            text.append('[').append(message.get("role")).append(']').append(message.get("content"));
            if (message.get("tool_calls") instanceof List<?> calls)
                text.append("[calls]").append(calls);
        }
        return new RenderedChat(text.toString(), new BitSet());
    }
}
