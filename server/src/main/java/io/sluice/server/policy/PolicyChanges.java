package io.sluice.server.policy;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// What differs between two policies, field by field. A value.
///
/// @param listed the first of them, in the order of the file
/// @param total all of them
/// @param revoked ids of keys that are gone, or have another secret
public record PolicyChanges(List<Change> listed, long total, List<String> revoked) {

    /// More than that nobody reads; all are counted.
    public static final int LISTED_MAX = 10_000;

    /// One field. A value.
    ///
    /// @param from what was there; empty if it is new
    /// @param to what will be there; empty if it goes
    public record Change(String path, Optional<String> from, Optional<String> to) {
        @Override
        public String toString() {
            return path + ": " + from.orElse("(none)") + " -> " + to.orElse("(none)");
        }
    }

    public PolicyChanges {
        listed = List.copyOf(listed);
        revoked = List.copyOf(revoked);
    }

    public boolean isEmpty() {
        return total == 0;
    }

    public static PolicyChanges between(Policy before, Policy after) {
        return new Comparison().run(before, after);
    }

    /// Sorted by name, because a file's order says nothing; only what differs is ever sorted or spelled out.
    private static final class Comparison {
        private final List<Change> listed = new ArrayList<>();
        private final List<String> revoked = new ArrayList<>();
        private long total;

        PolicyChanges run(Policy before, Policy after) {
            entries("policy.classes.", before.classes(), after.classes(), PolicyText::fields);
            fields(
                    "policy.default-tenant",
                    before.defaultTenant().fields(),
                    after.defaultTenant().fields());
            entries("policy.tenants.", before.tenants(), after.tenants(), TenantTerms::fields);
            entries("policy.shared-prefixes.", prefixes(before), prefixes(after), SharedPrefix::fields);
            entries("policy.prices.", prices(before), prices(after), Rates::fields);
            entries("keys.", keys(before), keys(after), ApiKey::fields);
            after.keys()
                    .ifPresent(ring -> keys(before).values().stream()
                            .filter(ring::revokes)
                            .map(ApiKey::id)
                            .sorted()
                            .forEach(revoked::add));
            return new PolicyChanges(listed, total, revoked);
        }

        private <T> void entries(
                String path, Map<String, T> before, Map<String, T> after, Function<T, Map<String, String>> fields) {
            TreeSet<String> differing = new TreeSet<>();
            before.forEach((name, value) -> {
                if (!value.equals(after.get(name))) differing.add(name);
            });
            after.forEach((name, _) -> {
                if (!before.containsKey(name)) differing.add(name);
            });
            for (String name : differing) {
                T from = before.get(name);
                T to = after.get(name);
                if (from != null && to != null) {
                    fields(path + name, fields.apply(from), fields.apply(to));
                } else {
                    add(path + name, whole(from, fields), whole(to, fields));
                }
            }
        }

        private void fields(String path, Map<String, String> before, Map<String, String> after) {
            Set<String> names = new LinkedHashSet<>(before.keySet());
            names.addAll(after.keySet());
            for (String name : names) {
                Optional<String> from = Optional.ofNullable(before.get(name));
                Optional<String> to = Optional.ofNullable(after.get(name));
                if (!from.equals(to)) add(path + "." + name, from, to);
            }
        }

        private void add(String path, Optional<String> from, Optional<String> to) {
            total++;
            if (listed.size() < LISTED_MAX) listed.add(new Change(path, from, to));
        }

        private static <T> Optional<String> whole(@Nullable T value, Function<T, Map<String, String>> fields) {
            return Optional.ofNullable(value)
                    .map(it -> fields.apply(it).entrySet().stream()
                            .map(field -> field.getKey() + ": " + field.getValue())
                            .collect(Collectors.joining(", ", "{", "}")));
        }

        private static Map<String, SharedPrefix> prefixes(Policy policy) {
            return policy.sharedPrefixes().stream().collect(Collectors.toMap(SharedPrefix::name, Function.identity()));
        }

        private static Map<String, Rates> prices(Policy policy) {
            return policy.prices().map(Prices::named).orElse(Map.of());
        }

        private static Map<String, ApiKey> keys(Policy policy) {
            return policy.keys().map(KeyRing::byId).orElse(Map.of());
        }
    }
}
