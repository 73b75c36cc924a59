package io.sluice.server;

import static io.sluice.server.TestServer.prompting;
import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.server.settings.ConfigText;
import io.sluice.server.settings.SettingsSource;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// What dashboard, alerts and autoscaler read is what the server exports, labels included.
class DeployedNamesTest {
    private static final Path DEPLOY = Path.of("..", "deploy");

    /// A name, and the matchers or the labels behind it.
    private static final Pattern SELECTOR =
            Pattern.compile("\\b((?:sluice_|vllm:|http_request)[a-z0-9_]+)(\\{[^}]*})?");

    private static final Pattern MATCHER = Pattern.compile("([a-z_]+)\\s*(?:=~|!~|!=|=)");
    private static final Pattern SERIES = Pattern.compile("^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\\{(.*)})? ");

    /// Prometheus adds these.
    private static final Set<String> SCRAPED = Set.of("instance", "job");

    @ParameterizedTest
    @ValueSource(strings = {"grafana/sluice.json", "prometheus/alerts.yaml", "keda/scaledobject.yaml"})
    void every_series_that_is_read_is_exported_with_its_labels(String file, @TempDir Path folder) throws Exception {
        Map<String, Set<String>> exported = exported(folder);
        Matcher read = SELECTOR.matcher(Files.readString(DEPLOY.resolve(file)).replace("\\\"", "\""));
        int count = 0;
        while (read.find()) {
            count++;
            String name = read.group(1);
            assertThat(exported).as("%s reads it", file).containsKey(name);
            Matcher label = MATCHER.matcher(read.group(2) == null ? "" : read.group(2));
            while (label.find()) {
                if (SCRAPED.contains(label.group(1))) continue;
                assertThat(exported.get(name)).as("%s, of %s", file, name).contains(label.group(1));
            }
        }
        assertThat(count).isPositive();
    }

    @Test
    void a_name_that_is_not_exported_would_be_found(@TempDir Path folder) throws Exception {
        assertThat(exported(folder)).doesNotContainKeys("sluice_requests_admitted", "sluice_no_such_total");
    }

    /// Label names by series.
    private static Map<String, Set<String>> exported(Path folder) throws Exception {
        Path config = folder.resolve("sluice.yaml");
        Files.writeString(
                config,
                "policy: {default-tenant: {requests-per-minute: 1}, prices: {currency: EUR, per-million-output-tokens: 5}}\n");
        SettingsSource source = new SettingsSource(Map.of(), Optional.of(new ConfigText.FromFile(config)), Map.of());
        Map<String, Set<String>> labels = new HashMap<>();
        try (TestServer server = TestServer.start(TestServer.Options.usual().withSource(source))) {
            KeyedClient client = new KeyedClient(server, "");
            assertThat(client.complete(prompting("hello")).statusCode()).isEqualTo(200);
            assertThat(client.complete(prompting("hello")).statusCode()).isEqualTo(429);
            for (String line : client.get("/metrics").body().split("\n", -1)) {
                Matcher series = SERIES.matcher(line);
                if (!series.find()) continue;
                Set<String> its = labels.computeIfAbsent(series.group(1), _ -> new TreeSet<>());
                Matcher label = MATCHER.matcher(series.group(2) == null ? "" : series.group(2));
                while (label.find()) its.add(label.group(1));
            }
        }
        return labels;
    }
}
