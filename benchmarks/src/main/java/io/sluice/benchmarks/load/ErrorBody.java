package io.sluice.benchmarks.load;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.Arrays;

/// Collects the body of a refusal, as much as is of use. One thread.
final class ErrorBody implements BodyReader.Sink {
    private static final int BYTES_MAX = 64 << 10;
    private static final JsonFactory JSON = new JsonFactory();

    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

    @Override
    public void accept(byte[] from, int start, int end) {
        bytes.write(from, start, Math.min(end - start, BYTES_MAX - bytes.size()));
    }

    String code() {
        return code(bytes.toByteArray());
    }

    /// What an error calls itself: its code, else its type, else nothing.
    static String code(byte[] body) {
        String code = "";
        String type = "";
        try (JsonParser json = JSON.createParser(body)) {
            while (json.nextToken() != null) {
                if (json.currentToken() != JsonToken.FIELD_NAME) continue;
                String field = json.currentName();
                if (field.equals("code")) code = scalar(json);
                else if (field.equals("type") && type.isEmpty()) type = scalar(json);
            }
        } catch (IOException e) {
            // Not JSON, or cut off: what was found counts.
        }
        return code.isEmpty() ? type : code;
    }

    private static String scalar(JsonParser json) throws IOException {
        JsonToken value = json.nextToken();
        boolean has = value != null && value.isScalarValue() && value != JsonToken.VALUE_NULL;
        return has ? shortened(json.getText()) : "";
    }

    /// Codes are counted one by one: a server must not fill our memory with them.
    private static String shortened(String code) {
        return code.length() <= 64 ? code : new String(Arrays.copyOf(code.toCharArray(), 64));
    }
}
