package io.sluice.server;

import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

/// Which metric families were there, and which of them changed, from scrape to scrape. One thread.
final class MovedSeries {
    private final Map<String, String> latest = new HashMap<>();
    private final Set<String> families = new TreeSet<>();
    private final Set<String> moved = new TreeSet<>();

    /// Looks at what is exported now.
    void look(TestServer server) {
        String text = Scraped.of(server.metrics::scrape).text()
                + Scraped.of(server.metrics::scrapeTenants).text();
        Map<String, String> now = new HashMap<>();
        String family = "";
        for (String line : text.split("\n", -1)) {
            if (line.startsWith("# TYPE ")) {
                family = line.split(" ", -1)[2];
                families.add(family);
            } else if (!line.startsWith("#") && !line.isBlank()) {
                int end = line.lastIndexOf(' ');
                String series = line.substring(0, end);
                String value = line.substring(end + 1);
                now.put(series, value);
                String before = latest.get(series);
                boolean appeared = before == null && !latest.isEmpty() && Double.parseDouble(value) != 0;
                if (appeared || (before != null && !before.equals(value))) moved.add(family);
            }
        }
        latest.clear();
        latest.putAll(now);
    }

    /// Another server begins: its series are not those of the one before.
    void begin() {
        latest.clear();
    }

    Set<String> families() {
        return families;
    }

    Set<String> still() {
        return families.stream()
                .filter(family -> !moved.contains(family))
                .collect(Collectors.toCollection(TreeSet::new));
    }
}
