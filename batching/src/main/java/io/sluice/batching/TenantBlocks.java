package io.sluice.batching;

/// How many blocks of the KV cache are a tenant's, and how many it was promised. A value.
///
/// @param used blocks computed for it that sequences use
/// @param cached free blocks that hold prefixes computed for it
/// @param floor others never take so many from it
/// @param ceiling its running sequences never have more
public record TenantBlocks(int used, int cached, int floor, int ceiling) {

    /// Of a tenant that has none.
    public static final TenantBlocks NONE = new TenantBlocks(0, 0, 0, 0);
}
