package io.sluice.server.quota;

import java.time.Duration;

/// Why a request was refused for its caller's quota, with the numbers that decided. A value.
///
/// @param allowed the limit
/// @param used what of it was taken at that moment
/// @param wanted what the request would have needed of it
/// @param retryAfter until as much is there, if nobody else takes it; without meaning if `never`
/// @param never the request is larger than the limit: it would be refused for ever
public record QuotaRefusal(
        QuotaLimit limit,
        QuotaHolder holder,
        long allowed,
        long used,
        long wanted,
        Duration retryAfter,
        boolean never) {

    /// One sentence for the caller.
    public String sentence() {
        if (never) {
            return "The request may take up to " + wanted + " tokens, more than the " + allowed + " " + limit.words()
                    + " of " + holder.words()
                    + " hold at once: lower its token limit, its number of choices or its prompt.";
        }
        String left = limit == QuotaLimit.TOKENS_PER_MINUTE ? "; the request may take up to " + wanted : "";
        return "The limit of " + allowed + " " + limit.words() + " of " + holder.words() + " is reached: " + used
                + " are used" + left + ".";
    }
}
