package io.sluice.server.admin;

import io.sluice.server.policy.ApiKey;
import io.sluice.server.policy.KeyRing;
import io.sluice.server.policy.Policy;
import io.sluice.server.policy.PolicyChanges;
import io.sluice.server.policy.PolicyFields;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Function;

/// Shows the policy in force, without secrets, and what a reload changes. Any thread.
final class PolicyView {
    private PolicyView() {}

    /// @param limit the most tenants, and the most keys, that are shown; all are counted
    static Map<String, Object> of(Policy policy, int limit) {
        Map<String, Object> view = new LinkedHashMap<>();
        view.put("classes", each(policy.classes(), PolicyFields::of));
        view.put("default_tenant", PolicyFields.of(policy.defaultTenant()));
        view.put("tenants_total", policy.tenants().size());
        view.put("tenants", each(first(policy.tenants(), limit), PolicyFields::of));
        Map<String, Object> prefixes = new LinkedHashMap<>();
        policy.sharedPrefixes().forEach(prefix -> prefixes.put(prefix.name(), PolicyFields.of(prefix)));
        view.put("shared_prefixes", prefixes);
        view.put("prices", policy.prices().map(prices -> {
            Map<String, Object> table = new LinkedHashMap<>(PolicyFields.of(prices.usual()));
            table.put("classes", each(prices.classes(), PolicyFields::of));
            return table;
        }));
        view.put("keys_needed", policy.keys().isPresent());
        view.put("keys_total", policy.keys().map(ring -> ring.keys().size()).orElse(0));
        Map<String, Object> keys = new LinkedHashMap<>();
        policy.keys().map(KeyRing::keys).orElse(List.of()).stream()
                .sorted(Comparator.comparing(ApiKey::id))
                .limit(limit)
                .forEach(key -> keys.put(key.id(), PolicyFields.of(key)));
        view.put("keys", keys);
        return view;
    }

    private static <T> Map<String, T> first(Map<String, T> all, int limit) {
        Map<String, T> first = new TreeMap<>();
        all.forEach((name, value) -> {
            first.put(name, value);
            if (first.size() > limit) first.remove(((TreeMap<String, T>) first).lastKey());
        });
        return first;
    }

    private static <T> Map<String, Object> each(Map<String, T> values, Function<T, Map<String, String>> fields) {
        Map<String, Object> view = new LinkedHashMap<>();
        values.forEach((name, value) -> view.put(name, fields.apply(value)));
        return view;
    }

    static Map<String, Object> of(PolicyReload.Outcome outcome) {
        Map<String, Object> view = new LinkedHashMap<>();
        view.put("applied", outcome.applied());
        view.put("changes_total", outcome.changes().total());
        view.put("changes", changes(outcome.changes().listed()));
        view.put("revoked_keys", outcome.changes().revoked());
        view.put("ended_requests", outcome.endedRequests());
        view.put("needs_restart", changes(outcome.needsRestart()));
        return view;
    }

    private static List<Map<String, Optional<String>>> changes(List<PolicyChanges.Change> changes) {
        return changes.stream()
                .map(change -> {
                    Map<String, Optional<String>> view = new LinkedHashMap<>();
                    view.put("path", Optional.of(change.path()));
                    view.put("from", change.from());
                    view.put("to", change.to());
                    return view;
                })
                .toList();
    }
}
