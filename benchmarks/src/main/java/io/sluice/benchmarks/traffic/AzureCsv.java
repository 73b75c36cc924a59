package io.sluice.benchmarks.traffic;

import java.time.Duration;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeFormatterBuilder;
import java.time.format.DateTimeParseException;
import java.time.temporal.ChronoField;
import java.util.List;
import java.util.Locale;

/// The Azure LLM inference traces of 2023: `TIMESTAMP,ContextTokens,GeneratedTokens`.
final class AzureCsv implements TraceFormat {
    static final String HEADER = "TIMESTAMP,ContextTokens,GeneratedTokens";

    private static final int COLUMNS = 3;
    private static final LocalDateTime EPOCH = LocalDateTime.of(1970, 1, 1, 0, 0);
    private static final DateTimeFormatter TIMESTAMP = new DateTimeFormatterBuilder()
            .appendPattern("yyyy-MM-dd HH:mm:ss")
            .appendFraction(ChronoField.NANO_OF_SECOND, 0, 9, true)
            .toFormatter(Locale.ROOT);

    @Override
    public Row parse(String line) {
        String[] columns = line.split(",", -1);
        if (columns.length != COLUMNS) {
            throw new IllegalArgumentException(
                    "expected " + COLUMNS + " columns (" + HEADER + "), got " + columns.length);
        }
        int prompt = count("ContextTokens", columns[1]);
        int output = count("GeneratedTokens", columns[2]);
        return new Row(moment(columns[0]), new TraceRow(0, prompt, output, List.of()));
    }

    private static long moment(String text) {
        try {
            return Duration.between(EPOCH, LocalDateTime.parse(text, TIMESTAMP)).toNanos();
        } catch (DateTimeParseException | ArithmeticException e) {
            throw new IllegalArgumentException(
                    "TIMESTAMP must be like 2023-11-16 18:15:46.6805900, got \"" + text + "\"", e);
        }
    }

    private static int count(String column, String text) {
        try {
            return Integer.parseInt(text);
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException(column + " must be a number of tokens, got \"" + text + "\"", e);
        }
    }
}
