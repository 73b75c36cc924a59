package io.sluice.server;

import static io.sluice.server.TestServer.prompting;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.withinPercentage;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// What is counted per tenant on a running server adds up to what is counted in all.
class TenantMetricsTest {

    @Test
    void the_series_are_bounded_and_their_sums_are_the_totals(@TempDir Path folder) throws Exception {
        Tenants tenants = new Tenants(folder);
        tenants.policy("{default-tenant: {requests-per-minute: 3}}");
        List<String> keys = new ArrayList<>();
        for (int i = 0; i < 3 * TestServer.TENANTS_SHOWN; i++) keys.add(tenants.key("tenant-" + i));
        String admin = tenants.adminKey();
        try (TestServer server = tenants.start()) {
            for (int i = 0; i < keys.size(); i++) {
                KeyedClient client = new KeyedClient(server, keys.get(i));
                for (int round = 0; round <= i % 5; round++) client.complete(prompting("abc".repeat(1 + i)));
            }
            String text = new KeyedClient(server, admin).get("/metrics").body();
            assertThat(tenantsIn(text)).hasSize(TestServer.TENANTS_SHOWN + 1).contains("other");
            for (String name : List.of(
                    "requests_admitted_total",
                    "requests_refused_total",
                    "prompt_tokens_total",
                    "prompt_tokens_cached_total",
                    "generation_tokens_total",
                    "time_to_first_token_seconds_count",
                    "inter_token_latency_seconds_count",
                    "kv_block_seconds_total")) {
                // Sums of fractions depend on their order, in the last digits.
                assertThat(sum(text, "sluice_tenant_" + name))
                        .as(name)
                        .isCloseTo(sum(text, "sluice_" + name), withinPercentage(1e-9));
            }
            assertThat(sum(text, "sluice_tenant_requests_admitted_total")).isEqualTo(72);
            assertThat(sum(text, "sluice_tenant_requests_refused_total")).isEqualTo(18);
        }
    }

    private static Set<String> tenantsIn(String text) {
        Set<String> names = new LinkedHashSet<>();
        Matcher matcher = Pattern.compile("tenant=\"([^\"]+)\"").matcher(text);
        while (matcher.find()) names.add(matcher.group(1));
        return names;
    }

    private static double sum(String text, String family) {
        return text.lines()
                .filter(line -> line.startsWith(family + "{"))
                .mapToDouble(line -> Double.parseDouble(line.substring(line.lastIndexOf(' ') + 1)))
                .sum();
    }
}
