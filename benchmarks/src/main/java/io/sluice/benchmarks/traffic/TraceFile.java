package io.sluice.benchmarks.traffic;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Stream;

/// Reads a trace from a file, in the format that its first line is in. Any thread.
public final class TraceFile {
    private TraceFile() {}

    /// The whole file. Rows that are not in order of arrival are put in order.
    ///
    /// @throws BrokenTrace if it is no trace, or a row of it is wrong
    /// @throws IOException if the file cannot be read
    public static Trace read(Path file) throws IOException {
        String name = String.valueOf(file.getFileName());
        byte[] bytes = Files.readAllBytes(file);
        List<String> lines = new String(bytes, StandardCharsets.UTF_8).lines().toList();
        if (lines.isEmpty()) throw new BrokenTrace(name + ": the file is empty");
        boolean csv = lines.getFirst().strip().equals(AzureCsv.HEADER);
        if (!csv && !lines.getFirst().startsWith("{")) {
            throw BrokenTrace.at(
                    name,
                    1,
                    "neither the header of an Azure trace (" + AzureCsv.HEADER
                            + ") nor a JSON object of a Mooncake trace");
        }
        TraceFormat format = csv ? new AzureCsv() : new MooncakeJsonl();
        return new Trace(name, sha256(bytes), rows(name, lines, csv ? 1 : 0, format));
    }

    /// The traces of a folder, by name.
    ///
    /// @throws BrokenTrace if there is none
    static List<Trace> readAll(Path folder) throws IOException {
        var traces = new ArrayList<Trace>();
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : files.filter(TraceFile::isTrace).sorted().toList()) traces.add(read(file));
        }
        if (traces.isEmpty()) throw new BrokenTrace(folder + " has no traces: files named .csv or .jsonl");
        return traces;
    }

    private static boolean isTrace(Path file) {
        String name = String.valueOf(file.getFileName());
        return name.endsWith(".csv") || name.endsWith(".jsonl");
    }

    private static List<TraceRow> rows(String name, List<String> lines, int first, TraceFormat format) {
        var read = new ArrayList<TraceFormat.Row>();
        for (int i = first; i < lines.size(); i++) {
            String line = lines.get(i).strip();
            if (line.isEmpty()) continue;
            try {
                read.add(format.parse(line));
            } catch (IllegalArgumentException | ArithmeticException e) {
                throw BrokenTrace.at(name, i + 1, String.valueOf(e.getMessage()));
            }
        }
        read.sort(Comparator.comparingLong(TraceFormat.Row::atNs));
        if (read.isEmpty()) throw new BrokenTrace(name + ": the file has no rows");
        long startNs = read.getFirst().atNs();
        return read.stream()
                .map(row -> row.row().at(Math.subtractExact(row.atNs(), startNs)))
                .toList();
    }

    private static String sha256(byte[] bytes) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java runtime has SHA-256", e);
        }
    }
}
