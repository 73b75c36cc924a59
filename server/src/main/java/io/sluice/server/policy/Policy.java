package io.sluice.server.policy;

import io.sluice.batching.InvalidPolicy;
import io.sluice.batching.TrafficClass;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// What an operator promises whom: traffic classes, tenants, shared prefixes and keys, as they are in force together. A
/// value; the constructor is the proof that the promises can be kept at the same time. Any thread.
///
/// @param defaultTenant of every tenant that is not listed
/// @param prices empty without a price table
/// @param keys empty if nobody needs one
public record Policy(
        Map<String, TrafficClass> classes,
        TenantTerms defaultTenant,
        Map<String, TenantTerms> tenants,
        List<SharedPrefix> sharedPrefixes,
        Optional<Prices> prices,
        Optional<KeyRing> keys) {

    /// The most tenants of a file: about a hundred megabytes of them, if many have the same terms.
    public static final int TENANTS_MAX = 1 << 20;

    /// The most shared prefixes: each is compared with every prompt.
    public static final int SHARED_PREFIXES_MAX = 256;

    /// The tenant of everybody, where there are no keys.
    public static final String ANONYMOUS = "anonymous";

    /// Floors of the KV cache that leave nothing between them would leave nothing to anybody else.
    private static final double KV_FLOORS_MAX = 0.9;

    private static final double ROUNDING = 1e-9;

    /// Without a file: the built-in classes, and nothing said about anybody.
    public static final Policy USUAL =
            new Policy(builtInClasses(), TenantTerms.USUAL, Map.of(), List.of(), Optional.empty(), Optional.empty());

    public Policy {
        classes = Collections.unmodifiableMap(classes);
        tenants = Collections.unmodifiableMap(tenants);
        sharedPrefixes = List.copyOf(sharedPrefixes);
        checkFloors(classes.values());
        checkRanks(classes.values());
        if (defaultTenant.kvFloor() > 0) {
            throw new InvalidPolicy(
                    "default-tenant", "cannot have a kv-floor: it is for each of any number of tenants; list them");
        }
        checkKvFloors(tenants.values());
        if (tenants.size() > TENANTS_MAX) {
            throw new InvalidPolicy("tenants", "lists more than " + TENANTS_MAX + " tenants");
        }
        if (sharedPrefixes.size() > SHARED_PREFIXES_MAX) {
            throw new InvalidPolicy("shared-prefixes", "lists more than " + SHARED_PREFIXES_MAX);
        }
    }

    static Map<String, TrafficClass> builtInClasses() {
        Map<String, TrafficClass> classes = new LinkedHashMap<>();
        for (TrafficClass builtIn : TrafficClass.BUILT_IN) classes.put(builtIn.name(), builtIn);
        return classes;
    }

    public Policy with(Optional<KeyRing> ring) {
        return new Policy(classes, defaultTenant, tenants, sharedPrefixes, prices, ring);
    }

    /// The terms of a tenant, listed or not.
    public TenantTerms terms(String tenant) {
        return tenants.getOrDefault(tenant, defaultTenant);
    }

    /// What requests of a class cost; empty without a price table.
    public Optional<Rates> rates(String trafficClass) {
        return prices.map(table -> table.of(trafficClass));
    }

    private static void checkFloors(Collection<TrafficClass> classes) {
        double sum = classes.stream().mapToDouble(TrafficClass::floor).sum();
        if (sum >= 1 - ROUNDING) {
            throw new InvalidPolicy(
                    "classes",
                    "promise more time than there is: their floors add up to " + rounded(sum)
                            + ", and must stay below 1; lower some (those not named in the file count too)");
        }
    }

    private static void checkRanks(Collection<TrafficClass> classes) {
        for (TrafficClass guaranteed : classes) {
            if (!guaranteed.guaranteed()) continue;
            for (TrafficClass other : classes) {
                if (other.guaranteed() || other.rank() > guaranteed.rank()) continue;
                throw new InvalidPolicy(
                        "classes",
                        "make a promise that cannot be kept: \"" + guaranteed.name() + "\" is guaranteed and has rank "
                                + guaranteed.rank() + ", but \"" + other.name() + "\" with rank " + other.rank()
                                + " would go first; give guaranteed classes the lowest ranks");
            }
        }
    }

    private static void checkKvFloors(Collection<TenantTerms> tenants) {
        double sum = tenants.stream().mapToDouble(TenantTerms::kvFloor).sum();
        if (sum > KV_FLOORS_MAX + ROUNDING) {
            throw new InvalidPolicy(
                    "tenants",
                    "promise more memory than there is: their kv-floors add up to " + rounded(sum)
                            + ", and at most 0.9 of the KV cache can be set apart; lower some");
        }
    }

    private static String rounded(double sum) {
        return PolicyText.number(Math.round(sum * 1e6) / 1e6);
    }
}
