package io.sluice.benchmarks.load;

import io.sluice.server.http.JsonOut;
import java.nio.charset.StandardCharsets;

/// Writes requests as a server's clients would. A value; any thread.
///
/// @param model the name that the server knows it by
/// @param ignoreEnd ask for outputs of exactly the given length (`ignore_eos`, which vLLM and Sluice know)
record RequestWriter(Target target, Endpoint endpoint, String model, boolean ignoreEnd) {

    byte[] body(Ask ask) {
        var out = new JsonOut().raw("{\"model\":").string(model);
        switch (endpoint) {
            case CHAT ->
                out.raw(",\"messages\":[{\"role\":\"user\",\"content\":")
                        .string(ask.prompt().toString())
                        .raw("}]");
            case COMPLETIONS -> out.raw(",\"prompt\":").string(ask.prompt().toString());
        }
        out.raw(",\"max_tokens\":").number(ask.outputTokens());
        if (ignoreEnd) out.raw(",\"ignore_eos\":true");
        return out.raw(",\"stream\":true,\"stream_options\":{\"include_usage\":true}}")
                .toBytes();
    }

    /// @param retries how often the request was sent before, as the clients of OpenAI say it
    byte[] head(Key key, int bodyLength, int retries) {
        String text = "POST " + target.path() + endpoint.path() + " HTTP/1.1\r\n" + common(key)
                + "Content-Type: application/json\r\nAccept: text/event-stream\r\nX-Stainless-Retry-Count: " + retries
                + "\r\nContent-Length: " + bodyLength + "\r\n\r\n";
        return text.getBytes(StandardCharsets.ISO_8859_1);
    }

    /// Asks which models there are.
    static byte[] models(Target target, Key key) {
        String text = "GET " + target.path() + "/models HTTP/1.1\r\n" + common(target, key) + "\r\n";
        return text.getBytes(StandardCharsets.ISO_8859_1);
    }

    private String common(Key key) {
        return common(target, key);
    }

    private static String common(Target target, Key key) {
        String host = target.host() + ":" + target.port();
        String authorization = key.secret().isEmpty() ? "" : "Authorization: Bearer " + key.secret() + "\r\n";
        return "Host: " + host + "\r\nUser-Agent: sluice-bench\r\n" + authorization;
    }
}
