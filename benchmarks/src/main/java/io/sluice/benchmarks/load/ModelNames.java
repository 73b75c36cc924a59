package io.sluice.benchmarks.load;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.ConnectException;

/// Asks a server which models it serves. Any thread.
final class ModelNames {
    private ModelNames() {}

    /// The first of them.
    ///
    /// @throws IOException that says what to do
    static String first(ConnectionPool pool, Target target, Key key) throws IOException {
        var body = new ByteArrayOutputStream();
        ResponseHead head;
        try (HttpConnection connection = pool.open()) {
            connection.send(RequestWriter.models(target, key), new byte[0]);
            head = connection.readHead();
            var reader = new BodyReader(connection, head);
            while (reader.read((bytes, from, to) -> body.write(bytes, from, to - from))) {}
        } catch (ConnectException e) {
            throw new IOException("no server answers at " + target + "; start one with `sluice serve`", e);
        }
        if (head.status() != 200) {
            throw new IOException(target + "/models answers " + head.status() + " " + ErrorBody.code(body.toByteArray())
                    + ": name a model with --model, or a key with --keys");
        }
        return firstId(body.toByteArray(), target);
    }

    private static String firstId(byte[] body, Target target) throws IOException {
        try (JsonParser json = new JsonFactory().createParser(body)) {
            while (json.nextToken() != null) {
                boolean isId = json.currentToken() == JsonToken.FIELD_NAME
                        && json.currentName().equals("id");
                if (isId && json.nextToken() == JsonToken.VALUE_STRING) return json.getText();
            }
        }
        throw new IOException(target + " does not say which models it serves: name one with --model");
    }
}
