package io.sluice.benchmarks.load;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;

/// The lengths of one request as its server counted them; 0 where it does not say. A value.
record Usage(int promptTokens, int outputTokens) {
    private static final JsonFactory JSON = new JsonFactory();

    /// From an event of a stream, or from nothing.
    static Usage of(byte[] event) {
        int prompt = 0;
        int output = 0;
        try (JsonParser json = JSON.createParser(event)) {
            while (json.nextToken() != null) {
                if (json.currentToken() != JsonToken.FIELD_NAME) continue;
                String field = json.currentName();
                if (json.nextToken() != JsonToken.VALUE_NUMBER_INT) continue;
                if (field.equals("prompt_tokens")) prompt = json.getIntValue();
                else if (field.equals("completion_tokens")) output = json.getIntValue();
            }
        } catch (IOException e) {
            // Not JSON: the server does not say.
        }
        return new Usage(prompt, output);
    }
}
