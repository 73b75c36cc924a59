package io.sluice.server.access;

import io.sluice.batching.TrafficClass;
import io.sluice.server.http.ApiError;
import io.sluice.server.policy.Policy;
import io.sluice.server.policy.TenantTerms;
import io.sluice.server.settings.NearestName;
import java.util.Comparator;
import java.util.Optional;
import java.util.Set;

/// Decides which class a request is served in that asks for one: its tenant's, or one that goes later. Any thread.
public final class ServiceTier {

    /// What every request has: asking for more than its tenant is promised changes nothing.
    private static final Set<String> OWN = Set.of("auto", "default", "priority", "scale");

    private static final String LAST = "flex";
    private static final String FIELD = "service_tier";

    private ServiceTier() {}

    /// A class by name.
    ///
    /// @param field the header or field that names it
    record Wish(String field, String name) {}

    /// OpenAI's tiers: `flex` is the class that goes last, the others are the tenant's own. Any other is a class.
    static TrafficClass trafficClass(Optional<String> serviceTier, Policy policy, TenantTerms terms) {
        String tier = serviceTier.orElse("auto");
        if (policy.classes().containsKey(tier)) return named(new Wish(FIELD, tier), policy, terms);
        if (OWN.contains(tier)) return terms.trafficClass();
        if (tier.equals(LAST)) return last(policy, terms);
        return named(new Wish(FIELD, tier), policy, terms);
    }

    /// What an answer says of the tier that its request asked for.
    public static String served(String serviceTier) {
        return OWN.contains(serviceTier) ? "default" : serviceTier;
    }

    static TrafficClass named(Wish wish, Policy policy, TenantTerms terms) {
        TrafficClass best = terms.trafficClass();
        if (wish.name().equals(best.name())) return best;
        TrafficClass chosen = policy.classes().get(wish.name());
        if (chosen == null) {
            String shown = shown(wish.name());
            String what = wish.field().equals(FIELD) ? FIELD : "The header " + wish.field();
            throw ApiError.invalid(
                    400,
                    wish.field(),
                    wish.field().equals(FIELD) ? null : "invalid_header",
                    what + " names no class of this server: \"" + shown + "\""
                            + NearestName.hint(shown, policy.classes().keySet()) + ".");
        }
        if (chosen.rank() > best.rank()) return chosen;
        throw ApiError.forbidden(
                wish.field(),
                "class_not_allowed",
                wish.field() + " is \"" + chosen.name() + "\", but the caller's class is \"" + best.name()
                        + "\": a request may choose a class that goes later, not one that goes before or beside it.");
    }

    private static TrafficClass last(Policy policy, TenantTerms terms) {
        TrafficClass own = terms.trafficClass();
        return policy.classes().values().stream()
                .max(Comparator.comparingInt(TrafficClass::rank))
                .filter(last -> last.rank() > own.rank())
                .orElse(own);
    }

    private static String shown(String text) {
        return text.length() <= 40 ? text : text.substring(0, 40) + "…";
    }
}
