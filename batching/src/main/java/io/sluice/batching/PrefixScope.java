package io.sluice.batching;

/// With whom a request may share computed blocks. A value. Blocks are shared between equal prompt beginnings of equal
/// salt only, so the salt is what separates tenants.
///
/// @param salt of the tenant
/// @param sharedSalt of a prefix that several tenants may share; without meaning if `sharedTokens` is 0
/// @param sharedTokens length of that prefix, from the prompt's first token on; only its full blocks are shared
public record PrefixScope(long salt, long sharedSalt, int sharedTokens) {
    public PrefixScope {
        if (sharedTokens < 0) throw new IllegalArgumentException("sharedTokens " + sharedTokens);
    }

    /// Shared with equal salts alone.
    public static PrefixScope of(long salt) {
        return new PrefixScope(salt, 0, 0);
    }
}
