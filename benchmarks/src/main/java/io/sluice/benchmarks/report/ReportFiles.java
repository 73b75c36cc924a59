package io.sluice.benchmarks.report;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/// The files that a measuring command writes besides what it prints. Main thread.
public final class ReportFiles {
    @Option(names = "--json", paramLabel = "FILE", description = "Also write all figures as JSON.")
    private @Nullable Path json;

    @Option(names = "--html", paramLabel = "FILE", description = "Also write a page with plots.")
    private @Nullable Path html;

    /// Writes those that were asked for.
    public void write(Supplier<String> asJson, Supplier<String> asHtml) throws IOException {
        if (json != null) Files.writeString(json, asJson.get());
        if (html != null) Files.writeString(html, asHtml.get());
    }
}
