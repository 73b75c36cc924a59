package io.sluice.demomodel;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// Answers prompts at temperature 0 with the training graph, without a cache: slow, and nothing to get wrong. The
/// trainer's thread only.
final class GreedyAnswers {
    private static final int ROWS_MAX = 50;

    /// @param stopped the model ended the answer itself
    record Answer(String prompt, String text, int tokenCount, boolean stopped) {}

    private static final class Row {
        final String prompt;
        final int promptLength;
        int[] ids; // prompt, then answer
        boolean stopped;

        Row(String prompt, int[] ids) {
            this.prompt = prompt;
            this.promptLength = ids.length;
            this.ids = ids;
        }
    }

    private final NDManager memory;
    private final LlamaGraph graph;
    private final DemoTokenizer tokenizer;

    GreedyAnswers(NDManager memory, LlamaGraph graph, DemoTokenizer tokenizer) {
        this.memory = memory;
        this.graph = graph;
        this.tokenizer = tokenizer;
    }

    List<Answer> answer(List<String> prompts, int answerTokensMax) {
        var answers = new ArrayList<Answer>();
        for (int start = 0; start < prompts.size(); start += ROWS_MAX) {
            List<Row> rows = prompts.subList(start, Math.min(prompts.size(), start + ROWS_MAX)).stream()
                    .map(prompt -> new Row(prompt, tokenizer.prompt(prompt)))
                    .toList();
            for (int i = 0; i < answerTokensMax; i++) {
                List<Row> open = rows.stream().filter(row -> !row.stopped).toList();
                if (!open.isEmpty()) {
                    extend(open);
                }
            }
            rows.forEach(row -> answers.add(answer(row)));
        }
        return answers;
    }

    private Answer answer(Row row) {
        int[] written = Arrays.copyOfRange(row.ids, row.promptLength, row.ids.length);
        return new Answer(row.prompt, tokenizer.decode(written), written.length, row.stopped);
    }

    private void extend(List<Row> rows) {
        int length = rows.stream().mapToInt(row -> row.ids.length).max().orElseThrow();
        var ids = new int[rows.size() * length];
        var last = new int[rows.size()];
        for (int i = 0; i < rows.size(); i++) {
            int[] row = rows.get(i).ids;
            System.arraycopy(row, 0, ids, i * length, row.length);
            last[i] = i * length + row.length - 1;
        }
        long[] chosen;
        try (var scope = new NDScope()) {
            scope.suppressNotUsedWarning();
            NDArray hidden = graph.hidden(LlamaTraining.indices(memory, ids).reshape(rows.size(), length));
            chosen = graph.logits(LlamaGraph.rows(hidden, LlamaTraining.indices(memory, last)))
                    .argMax(-1)
                    .toLongArray();
        }
        for (int i = 0; i < rows.size(); i++) {
            Row row = rows.get(i);
            if (chosen[i] == DemoTokenizer.END_ID) {
                row.stopped = true;
            } else {
                row.ids = Arrays.copyOf(row.ids, row.ids.length + 1);
                row.ids[row.ids.length - 1] = (int) chosen[i];
            }
        }
    }
}
