package io.sluice.server;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.stream.DoubleStream;

/// Metrics as Prometheus reads them. A value.
record Scraped(String text) {

    /// Whatever writes them.
    @FunctionalInterface
    interface Scrape {
        void to(OutputStream out, String contentType) throws IOException;
    }

    static Scraped of(Scrape scrape) {
        try (ByteArrayOutputStream out = new ByteArrayOutputStream()) {
            scrape.to(out, "text/plain");
            return new Scraped(out.toString(StandardCharsets.UTF_8));
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    /// The sum of the series that begin like this; 0 if there are none.
    double sum(String beginning) {
        return values(beginning).sum();
    }

    /// The value of a metric's first series, or of the series whose labels are given.
    double first(String name) {
        return DoubleStream.concat(values(name + "{"), values(name + " "))
                .findFirst()
                .orElseThrow(() -> new AssertionError("no metric " + name));
    }

    private DoubleStream values(String beginning) {
        return text.lines()
                .filter(line -> line.startsWith(beginning))
                .mapToDouble(line -> Double.parseDouble(line.substring(line.lastIndexOf(' ') + 1)));
    }
}
