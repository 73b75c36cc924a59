package io.sluice.benchmarks.traffic;

import java.util.List;

/// Builds a table in Markdown. One thread.
final class MarkdownTable {
    private final StringBuilder text = new StringBuilder();
    private final int columns;

    MarkdownTable(String... headings) {
        columns = headings.length;
        row(List.of(headings));
        text.append("|---".repeat(columns)).append("|\n");
    }

    MarkdownTable row(String... cells) {
        row(List.of(cells));
        return this;
    }

    private void row(List<String> cells) {
        if (cells.size() != columns) throw new IllegalArgumentException(cells + " is not of " + columns + " columns");
        text.append("| ").append(String.join(" | ", cells)).append(" |\n");
    }

    @Override
    public String toString() {
        return text.toString();
    }
}
