package io.sluice.benchmarks.traffic;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TraceFileTest {
    private static final long MS = 1_000_000L;

    @TempDir
    @SuppressWarnings("NullAway.Init") // JUnit sets it
    Path folder;

    @Test
    void anAzureFileIsReadWithTimesFromItsFirstRequest() throws IOException {
        Path file = SmallTraces.file(
                folder,
                "azure.csv",
                AzureCsv.HEADER,
                "2023-11-16 23:59:59.5000000,374,44",
                "2023-11-17 00:00:01.0000001,396,109");
        assertThat(TraceFile.read(file).rows())
                .containsExactly(
                        new TraceRow(0, 374, 44, List.of()), new TraceRow(1_500_000_100L, 396, 109, List.of()));
    }

    @Test
    void aMooncakeFileIsReadWithItsPrefixes() throws IOException {
        Path file = SmallTraces.file(
                folder,
                "mooncake.jsonl",
                "{\"timestamp\": 27, \"input_length\": 513, \"output_length\": 5, \"hash_ids\": [0, 7]}",
                "",
                "{\"timestamp\": 30, \"extra\": {\"a\": [1]}, \"input_length\": 9, \"output_length\": 1}");
        assertThat(TraceFile.read(file).rows())
                .containsExactly(new TraceRow(0, 513, 5, List.of(0, 7)), new TraceRow(3 * MS, 9, 1, List.of()));
    }

    @Test
    void rowsOutOfOrderArePutInOrder() throws IOException {
        Path file = SmallTraces.file(
                folder,
                "mooncake.jsonl",
                "{\"timestamp\": 50, \"input_length\": 2, \"output_length\": 1}",
                "{\"timestamp\": 20, \"input_length\": 1, \"output_length\": 1}");
        assertThat(TraceFile.read(file).rows())
                .containsExactly(new TraceRow(0, 1, 1, List.of()), new TraceRow(30 * MS, 2, 1, List.of()));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "2023-11-16 18:15:46,374                | line 3 | expected 3 columns",
                "2023-11-16 18:15:46,374,44,1           | line 3 | got 4",
                "16.11.2023 18:15,374,44                | line 3 | 16.11.2023",
                "2023-11-16 18:15:46,many,44            | line 3 | ContextTokens must be a number",
                "2023-11-16 18:15:46,374,               | line 3 | GeneratedTokens must be a number",
                "2023-11-16 18:15:46,0,44               | line 3 | prompt must have between 1 and",
                "2023-11-16 18:15:46,374,-1             | line 3 | output must have between 1 and",
            })
    void aBrokenRowIsNamedWithItsLine(String row, String line, String problem) {
        Path file = SmallTraces.file(folder, "a.csv", AzureCsv.HEADER, "2023-11-16 18:15:46,1,1", row.strip());
        assertThatThrownBy(() -> TraceFile.read(file))
                .isInstanceOf(BrokenTrace.class)
                .hasMessageContainingAll("a.csv", line.strip(), problem.strip());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{\"timestamp\": 1, \"input_length\": 2}                                     | \"output_length\" is missing",
                "{\"timestamp\": \"now\", \"input_length\": 2, \"output_length\": 1}         | \"timestamp\" must be a number",
                "{\"timestamp\": 1, \"input_length\": 2, \"output_length\": 1, \"hash_ids\": 3} | \"hash_ids\" must be an array",
                "{\"timestamp\": 1, \"input_length\": 2, \"output_length\": 1, \"hash_ids\": [1, 2]} | 1 hash ids of 512",
                "{\"timestamp\": 1, \"input_length\": 2,                                     | not a JSON object",
                "[1, 2]                                                                      | not a JSON object",
                "{\"timestamp\": 1, \"input_length\": 99999999999, \"output_length\": 1}     | overflow",
            })
    void aBrokenObjectIsNamedWithItsLine(String row, String problem) {
        Path file = SmallTraces.file(
                folder, "m.jsonl", "{\"timestamp\": 1, \"input_length\": 2, \"output_length\": 1}", row.strip());
        assertThatThrownBy(() -> TraceFile.read(file))
                .isInstanceOf(BrokenTrace.class)
                .hasMessageContainingAll("m.jsonl", "line 2", problem.strip());
    }

    @Test
    void aFileThatIsNoTraceSaysWhatWouldBeOne() {
        Path file = SmallTraces.file(folder, "notes.csv", "time,prompt,output", "1,2,3");
        assertThatThrownBy(() -> TraceFile.read(file)).hasMessageContainingAll("notes.csv, line 1", AzureCsv.HEADER);
        assertThatThrownBy(() -> TraceFile.read(SmallTraces.file(folder, "no.csv")))
                .hasMessageContaining("empty");
        assertThatThrownBy(() -> TraceFile.read(SmallTraces.file(folder, "no.csv", AzureCsv.HEADER)))
                .hasMessageContaining("no rows");
        assertThatThrownBy(() ->
                        TraceFile.read(SmallTraces.file(folder, "no.csv", AzureCsv.HEADER, "2023-11-16 18:15:46,1,1")))
                .hasMessageContaining("at least two requests");
    }

    @Test
    void aFolderWithoutTracesSaysSo() {
        SmallTraces.file(folder, "README.md", "no trace");
        assertThatThrownBy(() -> TraceFile.readAll(folder)).hasMessageContaining(".csv or .jsonl");
    }

    @Test
    void theRealTracesAreReadWhole() throws IOException {
        String shared = System.getenv("SLUICE_SHARED");
        assumeTrue(shared != null, "SLUICE_SHARED is not set");
        List<Trace> traces = TraceFile.readAll(Path.of(String.valueOf(shared), "data", "traces"));
        Trace azure = traces.get(0);
        Trace mooncake = traces.get(1);
        assertThat(azure.rows()).hasSize(19_366);
        assertThat(azure.rate()).isBetween(5.5, 5.6);
        assertThat(mooncake.rows()).hasSize(12_031);
        assertThat(mooncake.rows()).allMatch(row -> row.hashIds().getFirst() == 0);
    }
}
