package io.sluice.benchmarks.traffic;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.util.DefaultIndenter;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.math.BigDecimal;
import java.math.MathContext;

/// Writes JSON that people can compare line by line: indented, numbers with six digits that mean something,
/// `null` for what is no number. One thread.
public final class JsonWriter {
    private static final MathContext DIGITS = new MathContext(6);

    private final StringWriter text = new StringWriter();
    private final JsonGenerator out;

    public JsonWriter() {
        try {
            var indenter = new DefaultIndenter("  ", "\n");
            out = new JsonFactory()
                    .createGenerator(text)
                    .setPrettyPrinter(new DefaultPrettyPrinter()
                            .withObjectIndenter(indenter)
                            .withArrayIndenter(indenter));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /// Fields of an object, or elements of an array.
    @FunctionalInterface
    public interface Content {
        void write() throws IOException;
    }

    public JsonWriter object(Content content) {
        return wrap(out::writeStartObject, content, out::writeEndObject);
    }

    public JsonWriter object(String name, Content content) {
        return wrap(() -> out.writeObjectFieldStart(name), content, out::writeEndObject);
    }

    public JsonWriter array(String name, Content content) {
        return wrap(() -> out.writeArrayFieldStart(name), content, out::writeEndArray);
    }

    public JsonWriter field(String name, String value) {
        return run(() -> out.writeStringField(name, value));
    }

    public JsonWriter field(String name, long value) {
        return run(() -> out.writeNumberField(name, value));
    }

    public JsonWriter field(String name, double value) {
        return run(() -> {
            out.writeFieldName(name);
            if (Double.isNaN(value) || Double.isInfinite(value)) out.writeNull();
            else
                out.writeNumber(
                        new BigDecimal(value, DIGITS).stripTrailingZeros().toPlainString());
        });
    }

    private JsonWriter wrap(Content start, Content content, Content end) {
        return run(start).run(content).run(end);
    }

    private JsonWriter run(Content content) {
        try {
            content.write();
            return this;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /// The finished text.
    public String finish() {
        run(out::close);
        return text + "\n";
    }
}
