package io.sluice.benchmarks.report;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/// Draws a picture of figures as SVG that stands in a page of HTML and needs nothing else. Any thread.
public final class Plot {
    private static final int WIDTH = 760;
    private static final int HEIGHT = 300;
    private static final int LEFT = 70;
    private static final int RIGHT = 150;
    private static final int TOP = 34;
    private static final int BOTTOM = 44;
    private static final int BAR = 18;
    private static final int NAME = 300;
    private static final int TICKS = 5;
    private static final List<String> COLOURS =
            List.of("#0b6e99", "#c0392b", "#2e7d32", "#8e44ad", "#d68910", "#34495e", "#16a085", "#7f8c8d");

    private Plot() {}

    /// A line through points, in order of `x`.
    public record Line(String name, List<Point> points) {
        public Line {
            points = List.copyOf(points);
        }
    }

    /// A place in a plot.
    public record Point(double x, double y) {}

    /// A figure with a name.
    ///
    /// @param spread how far it may be off to both sides; 0 if that is not known
    public record Bar(String name, double value, double spread) {}

    /// Lines in one frame, from zero on; a logarithmic `x` begins at its least value.
    public static String lines(String title, String x, String y, boolean logarithmic, List<Line> lines) {
        List<Point> all = lines.stream().flatMap(line -> line.points().stream()).toList();
        var out = new StringBuilder(begin(title, HEIGHT));
        double least = all.stream()
                .mapToDouble(Point::x)
                .filter(value -> value > 0)
                .min()
                .orElse(1);
        double mostX = all.stream().mapToDouble(Point::x).max().orElse(1);
        double mostY = nice(all.stream().mapToDouble(Point::y).max().orElse(1));
        var axis = new Axis(logarithmic ? least : 0, Math.max(mostX, least * 1.0001), logarithmic);
        frame(out, axis, mostY, x, y);
        for (int i = 0; i < lines.size(); i++) {
            String colour = COLOURS.get(i % COLOURS.size());
            var path = new StringBuilder();
            for (Point point : lines.get(i).points()) {
                if (logarithmic && point.x() <= 0) continue;
                path.append(String.format(Locale.ROOT, "%.1f,%.1f ", axis.at(point.x()), height(point.y(), mostY)));
            }
            out.append("<polyline fill='none' stroke='%s' stroke-width='1.8' points='%s'/>".formatted(colour, path));
            text(
                    out,
                    WIDTH - RIGHT + 10,
                    TOP + 14 + 16 * i,
                    "start",
                    colour,
                    lines.get(i).name());
        }
        return out.append("</svg>").toString();
    }

    /// Bars below each other, from zero on.
    public static String bars(String title, String unit, List<Bar> bars) {
        int height = TOP + BAR * bars.size() + 24;
        var out = new StringBuilder(begin(title + " (" + unit + ")", height));
        double most = bars.stream()
                .mapToDouble(bar -> bar.value() + bar.spread())
                .filter(Double::isFinite)
                .max()
                .orElse(1);
        double scale = (WIDTH - NAME - 110) / Math.max(most, 1e-12);
        for (int i = 0; i < bars.size(); i++) {
            Bar bar = bars.get(i);
            int top = TOP + BAR * i;
            text(out, NAME - 6, top + 13, "end", "currentColor", bar.name());
            if (!Double.isFinite(bar.value())) continue;
            out.append(String.format(
                    Locale.ROOT,
                    "<rect x='%d' y='%d' width='%.1f' height='%d' fill='%s'/>",
                    NAME,
                    top + 2,
                    bar.value() * scale,
                    BAR - 5,
                    COLOURS.getFirst()));
            if (bar.spread() > 0 && Double.isFinite(bar.spread())) {
                out.append(String.format(
                        Locale.ROOT,
                        "<line x1='%.1f' x2='%.1f' y1='%d' y2='%d' stroke='%s' stroke-width='2'/>",
                        NAME + Math.max(0, bar.value() - bar.spread()) * scale,
                        NAME + (bar.value() + bar.spread()) * scale,
                        top + 8,
                        top + 8,
                        COLOURS.get(1)));
            }
            text(
                    out,
                    NAME + 8 + (int) ((bar.value() + bar.spread()) * scale),
                    top + 13,
                    "start",
                    "currentColor",
                    number(bar.value()));
        }
        return out.append("</svg>").toString();
    }

    private static String begin(String title, int height) {
        var out = new StringBuilder(
                "<svg viewBox='0 0 %d %d' width='%d' height='%d' role='img' font-family='sans-serif' font-size='12'>"
                        .formatted(WIDTH, height, WIDTH, height));
        text(out, 8, 18, "start", "currentColor", title);
        return out.toString();
    }

    private static void frame(StringBuilder out, Axis axis, double mostY, String x, String y) {
        for (int i = 0; i <= TICKS; i++) {
            double value = mostY * i / TICKS;
            int at = (int) height(value, mostY);
            out.append("<line x1='%d' x2='%d' y1='%d' y2='%d' stroke='#8884'/>".formatted(LEFT, WIDTH - RIGHT, at, at));
            text(out, LEFT - 6, at + 4, "end", "currentColor", number(value));
        }
        for (double value : axis.ticks()) {
            int at = (int) axis.at(value);
            out.append(
                    "<line x1='%d' x2='%d' y1='%d' y2='%d' stroke='#8884'/>".formatted(at, at, TOP, HEIGHT - BOTTOM));
            text(out, at, HEIGHT - BOTTOM + 16, "middle", "currentColor", number(value));
        }
        text(out, (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, "middle", "currentColor", x);
        text(out, WIDTH - RIGHT + 10, TOP - 4, "start", "currentColor", y);
    }

    private static double height(double value, double most) {
        return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * value / most;
    }

    private record Axis(double from, double to, boolean logarithmic) {
        double at(double value) {
            double part = logarithmic ? Math.log(value / from) / Math.log(to / from) : (value - from) / (to - from);
            return LEFT + (WIDTH - RIGHT - LEFT) * part;
        }

        List<Double> ticks() {
            List<Double> ticks = new ArrayList<>();
            if (logarithmic) {
                for (double value = Math.pow(10, Math.ceil(Math.log10(from))); value <= to; value *= 10) {
                    ticks.add(value);
                }
                return ticks;
            }
            for (int i = 0; i <= TICKS; i++) ticks.add(from + (to - from) * i / TICKS);
            return ticks;
        }
    }

    /// The next round number above.
    private static double nice(double most) {
        if (!(most > 0)) return 1;
        double power = Math.pow(10, Math.floor(Math.log10(most)));
        for (double step : new double[] {1, 2, 5, 10}) {
            if (step * power >= most) return step * power;
        }
        return most;
    }

    private static void text(StringBuilder out, int x, int y, String anchor, String colour, String words) {
        out.append("<text x='%d' y='%d' text-anchor='%s' fill='%s'>%s</text>"
                .formatted(x, y, anchor, colour, HtmlReport.escaped(words)));
    }

    /// A number with three digits that mean something.
    static String number(double value) {
        if (!Double.isFinite(value)) return "–";
        double size = Math.abs(value);
        int decimals = size == 0 || size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
        return String.format(Locale.ROOT, "%,." + decimals + "f", value);
    }
}
