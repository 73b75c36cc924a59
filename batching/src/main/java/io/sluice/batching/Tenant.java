package io.sluice.batching;

/// Whose request it is: the unit of fairness, of KV shares and of the prefix cache. A value; the constructor is the
/// proof of validity. The engine keeps its accounts by name, so a tenant may change while its requests run.
///
/// @param name unique among all tenants
/// @param weight its part of the engine's time relative to other tenants of its class, while they have work too
/// @param kvFloor the part of the KV cache that other tenants' requests never take from it, in [0, 1]
/// @param kvCeiling the part of the KV cache that its running requests never exceed, in (0, 1]
public record Tenant(String name, double weight, double kvFloor, double kvCeiling) {

    /// Everybody, where no keys are configured.
    public static final Tenant ANONYMOUS = new Tenant("anonymous", 1, 0, 1);

    /// Weights further apart than this make the heavier tenant's share all there is.
    public static final double WEIGHT_MAX = 1000;

    public Tenant {
        require(!name.isBlank(), "name", "must not be empty");
        require(
                weight >= 1 / WEIGHT_MAX && weight <= WEIGHT_MAX,
                "weight",
                "must be between 0.001 and 1000, got " + weight + "; the class \"batch\" is for work that may wait");
        require(kvCeiling > 0 && kvCeiling <= 1, "kv-ceiling", "must be more than 0 and at most 1, got " + kvCeiling);
        require(
                kvFloor >= 0 && kvFloor <= kvCeiling,
                "kv-floor",
                "must be between 0 and kv-ceiling, " + kvCeiling + ", got " + kvFloor);
    }

    private static void require(boolean holds, String field, String problem) {
        if (!holds) throw new InvalidPolicy(field, problem);
    }
}
