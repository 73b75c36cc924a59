package io.sluice.server.policy;

import io.sluice.server.quota.QuotaLimits;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/// An API key as the server knows it: whom it speaks for, and the hash of its secret. A value.
///
/// @param id its public part
/// @param tenant whose requests it sends; empty for a key that serves administration alone
/// @param expires from when on it is not accepted
/// @param limits of this key, besides its tenant's
/// @param admin opens the admin routes
public record ApiKey(
        String id,
        Optional<String> tenant,
        KeyHash hash,
        Instant created,
        Optional<Instant> expires,
        QuotaLimits limits,
        boolean admin) {
    public ApiKey {
        require(Names.problem(id).isEmpty() && !id.contains("-"), "id must be letters and digits, got \"" + id + "\"");
        tenant.ifPresent(name ->
                require(Names.tenantProblem(name).isEmpty(), "tenant \"" + name + "\" " + Names.tenantProblem(name)));
        require(tenant.isPresent() || admin, "neither tenant= nor admin: the key would open nothing");
    }

    public boolean isExpired(Instant now) {
        return expires.isPresent() && !now.isBefore(expires.get());
    }

    /// What may be shown of it; the hash is named by its beginning, so that a changed secret can be seen.
    Map<String, String> fields() {
        Map<String, String> fields = new LinkedHashMap<>();
        tenant.ifPresent(name -> fields.put("tenant", name));
        fields.put("hash", hash.beginning());
        fields.put("created", created.toString());
        expires.ifPresent(time -> fields.put("expires", time.toString()));
        PolicyText.putLimits(fields, limits);
        fields.put("admin", Boolean.toString(admin));
        return fields;
    }

    private static void require(boolean holds, String problem) {
        if (!holds) throw new IllegalArgumentException(problem);
    }
}
