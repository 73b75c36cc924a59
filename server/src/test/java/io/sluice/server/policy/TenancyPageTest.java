package io.sluice.server.policy;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.batching.TrafficClass;
import io.sluice.server.settings.ConfigText;
import io.sluice.server.settings.SettingsSource;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// What `docs/tenancy.md` shows is what the server takes.
class TenancyPageTest {
    private static final Path PAGE = Path.of("..", "docs", "tenancy.md");

    @Test
    void the_example_file_is_valid_and_means_what_the_page_says() throws IOException {
        ConfigText example = new ConfigText.Given("the example", block("```yaml\n"));
        assertThat(new SettingsSource(Map.of(), Optional.of(example), Map.of())
                        .settings()
                        .access()
                        .keysFile())
                .contains(Path.of("/etc/sluice/keys"));
        Policy policy = PolicyFile.read(example);
        assertThat(policy.tenants().keySet()).containsExactlyInAnyOrder("acme", "research", "chatbot");
        assertThat(policy.terms("acme").trafficClass()).isEqualTo(TrafficClass.GUARANTEED);
        assertThat(policy.terms("research").trafficClass().rank()).isEqualTo(5);
        assertThat(policy.terms("anybody").limits().requestsPerMinute()).isEqualTo(60);
        assertThat(policy.sharedPrefixes()).hasSize(2);
    }

    @Test
    void the_example_keys_are_valid(@TempDir Path folder) throws IOException {
        KeyRing ring = KeyFile.read(Files.writeString(folder.resolve("keys"), block("```\n# comment\n")));
        assertThat(ring.keys()).hasSize(2);
        assertThat(ring.get("m7x2b8c4dd").orElseThrow().admin()).isTrue();
    }

    @Test
    void every_field_has_a_row_and_the_classes_have_their_values() throws IOException {
        String page = Files.readString(PAGE);
        for (String field : TenantFields.NAMES) assertThat(page).contains("`" + field + "`");
        for (String field : PrefixFields.NAMES) assertThat(page).contains("`" + field + "`");
        for (String field : ClassFields.NAMES) {
            String row = page.lines()
                    .filter(line -> line.startsWith("| `" + field + "`"))
                    .findFirst()
                    .orElseThrow(() -> new AssertionError("no row for " + field));
            List<String> cells = List.of(row.split("\\|", -1));
            for (int i = 0; i < TrafficClass.BUILT_IN.size(); i++) {
                String value = PolicyText.fields(TrafficClass.BUILT_IN.get(i)).getOrDefault(field, "–");
                assertThat(cells.get(3 + i).strip().replace("1h", "3600s"))
                        .as(field)
                        .isEqualTo(value);
            }
        }
    }

    private static String block(String opening) throws IOException {
        Matcher matcher = Pattern.compile(Pattern.quote(opening) + "(.*?)```", Pattern.DOTALL)
                .matcher(Files.readString(PAGE));
        if (matcher.find()) return matcher.group(1);
        throw new AssertionError("no block that begins with " + opening);
    }
}
