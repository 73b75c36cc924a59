package io.sluice.benchmarks.report;

import java.util.List;

/// One measurement as a page that opens without a network: conditions, tables, plots. The writer of all commands. One
/// thread.
public final class HtmlReport {
    private static final String STYLE = "body{font:15px/1.5 sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;"
            + "color:#222;background:#fff}table{border-collapse:collapse;margin:.8rem 0}td,th{padding:.15rem .7rem;"
            + "border-bottom:1px solid #8884;text-align:right}td:first-child,th:first-child{text-align:left}"
            + ".conditions td{text-align:left;font-size:13px}svg{max-width:100%;height:auto;margin:.6rem 0}"
            + "@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}}";

    private final StringBuilder body = new StringBuilder();
    private final String title;

    public HtmlReport(String title, Conditions conditions) {
        this.title = title;
        body.append("<h1>").append(escaped(title)).append("</h1><table class='conditions'>");
        conditions
                .values()
                .forEach((name, value) -> body.append("<tr><td>")
                        .append(escaped(name))
                        .append("</td><td>")
                        .append(escaped(value))
                        .append("</td></tr>"));
        body.append("</table>");
    }

    public HtmlReport heading(String words) {
        body.append("<h2>").append(escaped(words)).append("</h2>");
        return this;
    }

    public HtmlReport paragraph(String words) {
        body.append("<p>").append(escaped(words)).append("</p>");
        return this;
    }

    public HtmlReport table(List<String> head, List<List<String>> rows) {
        body.append("<table><tr>");
        for (String cell : head) body.append("<th>").append(escaped(cell)).append("</th>");
        body.append("</tr>");
        for (List<String> row : rows) {
            body.append("<tr>");
            for (String cell : row) body.append("<td>").append(escaped(cell)).append("</td>");
            body.append("</tr>");
        }
        body.append("</table>");
        return this;
    }

    /// What `Plot` drew.
    public HtmlReport plot(String svg) {
        body.append(svg);
        return this;
    }

    /// The whole page.
    public String page() {
        return "<!doctype html><html lang='en'><head><meta charset='utf-8'><meta name='viewport'"
                + " content='width=device-width'><title>" + escaped(title) + "</title><style>" + STYLE
                + "</style></head><body>" + body + "</body></html>\n";
    }

    static String escaped(String words) {
        return words.replace("&", "&amp;")
                .replace("<", "&lt;")
                .replace(">", "&gt;")
                .replace("'", "&#39;")
                .replace("\"", "&quot;");
    }
}
