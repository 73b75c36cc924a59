package io.sluice.benchmarks.report;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.StringReader;
import java.util.List;
import java.util.Map;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.w3c.dom.Document;
import org.xml.sax.InputSource;

class HtmlReportTest {
    private static final List<Plot.Line> LINES = List.of(
            new Plot.Line("p50 <a>", List.of(new Plot.Point(1, 2), new Plot.Point(100, 40))),
            new Plot.Line("p99", List.of(new Plot.Point(1, 3), new Plot.Point(100, 90))));

    @Test
    void aPageNeedsNothingFromANetworkAndEscapesWhatItIsGiven() {
        String page = new HtmlReport("a <b> & 'c'", new Conditions(Map.of("commit", "\"x\"<script>")))
                .heading("h<1>")
                .paragraph("p&q")
                .table(List.of("x"), List.of(List.of("<td>")))
                .plot(Plot.lines("t", "x", "y", true, LINES))
                .page();
        assertThat(page)
                .doesNotContain("http://", "https://", " src=", "@import", "url(", "<script", "<b>", "h<1>", "<a>")
                .contains("a &lt;b&gt; &amp; &#39;c&#39;", "p&amp;q", "&lt;td&gt;");
    }

    @Test
    void plotsAreWellFormedAndLieWithinTheirFrame() throws Exception {
        assertWithin(Plot.lines("t", "rate", "ms", false, LINES));
        assertWithin(Plot.lines("t", "rate", "ms", true, LINES));
        assertWithin(Plot.lines("nothing at all", "x", "y", false, List.of()));
        assertWithin(Plot.bars("t", "µs", List.of(new Plot.Bar("a", 3, 1), new Plot.Bar("b", Double.NaN, 0))));
    }

    private static void assertWithin(String svg) throws Exception {
        Document parsed =
                DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(new InputSource(new StringReader(svg)));
        assertThat(svg).doesNotContain("NaN", "Infinity");
        var lines = parsed.getElementsByTagName("polyline");
        for (int i = 0; i < lines.getLength(); i++) {
            String points = lines.item(i).getAttributes().getNamedItem("points").getNodeValue();
            for (String point : points.strip().split("[ ,]", -1)) {
                assertThat(Double.parseDouble(point)).isBetween(0.0, 760.0);
            }
        }
    }
}
