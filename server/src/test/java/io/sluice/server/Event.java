package io.sluice.server;

import static io.sluice.server.TestServer.at;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/// One server-sent event as it came over the wire, read strictly: known lines only, and one line of data.
///
/// @param type empty if it has none
/// @param id empty if it has none
record Event(String type, String id, String data) {

    /// The events of a stream's body; comments are left out.
    static List<Event> parse(String body) {
        if (!body.isEmpty() && !body.endsWith("\n\n")) throw new AssertionError("breaks off in an event: " + body);
        List<Event> events = new ArrayList<>();
        for (String block : body.split("\n\n", -1)) {
            Event event = parseBlock(block);
            if (!event.data.isEmpty()) events.add(event);
        }
        return events;
    }

    private static Event parseBlock(String block) {
        String type = "";
        String id = "";
        String data = "";
        for (String line : block.split("\n", -1)) {
            if (line.isEmpty() || line.startsWith(": ")) continue;
            if (line.startsWith("event: ")) type = line.substring(7);
            else if (line.startsWith("id: ")) id = line.substring(4);
            else if (line.startsWith("data: ") && data.isEmpty()) data = line.substring(6);
            else throw new AssertionError("no line of an event: " + line);
        }
        return new Event(type, id, data);
    }

    boolean isDone() {
        return data.equals("[DONE]");
    }

    boolean isError() {
        return type.equals("error");
    }

    Map<String, Object> json() {
        return TestServer.json(data);
    }

    /// What an answer's events come to, however they were cut: all that a client keeps of them.
    ///
    /// @return role, text, log-probabilities and finish of each choice, the usage, and the ends
    static Map<String, String> sum(List<Event> events) {
        Map<String, String> sum = new TreeMap<>();
        for (Event event : events) {
            if (event.isDone() || event.isError()) {
                add(sum, "end", event.isDone() ? "done" : String.valueOf(at(event.json(), "error.code")));
                continue;
            }
            Map<String, Object> json = event.json();
            if (json.get("usage") != null) add(sum, "usage", String.valueOf(json.get("usage")));
            for (Object choice : TestServer.list(json, "choices")) addChoice(sum, (Map<?, ?>) choice);
        }
        return sum;
    }

    private static void addChoice(Map<String, String> sum, Map<?, ?> choice) {
        String name = "choice " + choice.get("index") + " ";
        Map<?, ?> delta = choice.get("delta") instanceof Map<?, ?> map ? map : choice;
        if (delta.get("role") instanceof String role) add(sum, name + "role", role);
        for (String text : List.of("content", "text")) {
            if (delta.get(text) instanceof String piece) add(sum, name + "text", piece);
        }
        if (choice.get("logprobs") instanceof Map<?, ?> logprobs) addLogprobs(sum, name + "logprobs", logprobs);
        if (choice.get("finish_reason") instanceof String reason) add(sum, name + "finish", reason);
    }

    /// Chat has objects in one list, completions have several lists side by side.
    private static void addLogprobs(Map<String, String> sum, String name, Map<?, ?> logprobs) {
        if (logprobs.get("content") instanceof List<?> tokens) {
            for (Object token : tokens) add(sum, name, token + "\n");
            return;
        }
        for (String list : List.of("tokens", "token_logprobs", "top_logprobs", "text_offset")) {
            if (!(logprobs.get(list) instanceof List<?> values)) throw new AssertionError("no " + list);
            for (Object value : values) add(sum, name + " " + list, value + "\n");
        }
    }

    private static void add(Map<String, String> sum, String name, String piece) {
        sum.merge(name, piece, String::concat);
    }
}
