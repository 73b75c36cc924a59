package io.sluice.server.quota;

/// Whose limits they are: a key's or a tenant's. A value.
public record QuotaHolder(Kind kind, String name, QuotaLimits limits) {

    /// Who may have limits.
    public enum Kind {
        KEY,
        TENANT
    }

    public static QuotaHolder key(String id, QuotaLimits limits) {
        return new QuotaHolder(Kind.KEY, id, limits);
    }

    public static QuotaHolder tenant(String name, QuotaLimits limits) {
        return new QuotaHolder(Kind.TENANT, name, limits);
    }

    /// `key "k1"`
    String words() {
        return (kind == Kind.KEY ? "key \"" : "tenant \"") + name + '"';
    }
}
