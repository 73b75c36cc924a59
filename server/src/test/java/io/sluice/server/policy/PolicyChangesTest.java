package io.sluice.server.policy;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.server.settings.ConfigText;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PolicyChangesTest {

    @Test
    void the_same_differs_in_nothing() {
        String text = "policy: {tenants: {a: {weight: 2}}, shared-prefixes: {p: {system: hello, tenants: all}}}";
        assertThat(PolicyChanges.between(policy(text), policy(text)).isEmpty()).isTrue();
        assertThat(changes(
                        text,
                        "policy: {shared-prefixes: {p: {tenants: [all], system: hello}}, tenants: {a: {weight: 2.0}}}"))
                .isEmpty();
    }

    @Test
    void each_field_that_differs_is_listed_with_both_values() {
        assertThat(changes(
                        "policy: {tenants: {b: {weight: 2, requests-per-minute: 60}, gone: {class: batch}}}",
                        "policy: {tenants: {b: {weight: 3, deadline: 90s}, a: {}}, classes: {batch: {rank: 7}, bulk: {rank: 9, floor: 0}},"
                                + " default-tenant: {max-concurrent: 4}}"))
                .containsExactly(
                        "policy.classes.batch.rank: 3 -> 7",
                        "policy.classes.bulk: (none) -> {rank: 9, guaranteed: false, parkable: false, reserve: 0.9, floor: 0,"
                                + " aging: 60s, ttft: 60s, max-waiting: 1048576}",
                        "policy.default-tenant.max-concurrent: (none) -> 4",
                        "policy.tenants.a: (none) -> {class: standard, weight: 1, kv-floor: 0, kv-ceiling: 1}",
                        "policy.tenants.b.weight: 2 -> 3",
                        "policy.tenants.b.requests-per-minute: 60 -> (none)",
                        "policy.tenants.b.deadline: (none) -> 90s",
                        "policy.tenants.gone: {class: batch, weight: 1, kv-floor: 0, kv-ceiling: 1} -> (none)");
    }

    @Test
    void a_changed_class_changes_its_tenants_only_by_name() {
        assertThat(changes(
                        "policy: {tenants: {a: {class: batch}}}",
                        "policy: {tenants: {a: {class: batch}}, classes: {batch: {ttft: 1h, reserve: 0.7}}}"))
                .containsExactly("policy.classes.batch.reserve: 0.8 -> 0.7");
    }

    @Test
    void keys_are_listed_by_id_and_the_revoked_ones_named(@TempDir Path folder) throws Exception {
        String kept = key("kept", "a", "1");
        String changed = key("changed", "a", "2");
        Policy before = Policy.USUAL.with(Optional.of(ring(folder, kept + changed + key("gone", "b", "3"))));
        Policy after = Policy.USUAL.with(Optional.of(ring(
                folder,
                kept + key("changed", "a", "other") + key("fresh", "c", "4").replace("\n", " admin\n"))));
        PolicyChanges changes = PolicyChanges.between(before, after);
        assertThat(changes.revoked()).containsExactly("changed", "gone");
        assertThat(changes.listed()).hasSize(3);
        assertThat(changes.listed().get(0).toString())
                .matches("keys.changed.hash: sha256:[0-9a-f]{8}\\.\\.\\. -> sha256:[0-9a-f]{8}\\.\\.\\.");
        assertThat(changes.listed().get(1).toString())
                .startsWith("keys.fresh: (none) -> {tenant: c, hash: sha256:")
                .endsWith("admin: true}");
        assertThat(changes.listed().get(2).toString())
                .startsWith("keys.gone: {tenant: b")
                .endsWith("-> (none)");
    }

    @Test
    void the_text_of_a_shared_prefix_is_not_shown() {
        assertThat(changes(
                        "policy: {shared-prefixes: {p: {system: secret one, tenants: all}}}",
                        "policy: {shared-prefixes: {p: {system: secret two, tenants: [a]}}}"))
                .hasSize(2)
                .noneMatch(change -> change.contains("secret"))
                .anyMatch(change -> change.equals("policy.shared-prefixes.p.tenants: all -> a"));
    }

    private static String key(String id, String tenant, String secret) {
        return "id=" + id + " tenant=" + tenant + " hash=" + KeyHash.of(secret) + " created=2026-01-01T00:00:00Z\n";
    }

    private static KeyRing ring(Path folder, String text) throws Exception {
        return KeyFile.read(Files.writeString(folder.resolve("keys"), text));
    }

    private static List<String> changes(String before, String after) {
        return PolicyChanges.between(policy(before), policy(after)).listed().stream()
                .map(PolicyChanges.Change::toString)
                .toList();
    }

    private static Policy policy(String text) {
        return PolicyFile.read(new ConfigText.Given("sluice.yaml", text));
    }
}
