package io.sluice.server.access;

import io.helidon.http.HeaderName;
import io.helidon.http.HeaderNames;
import io.helidon.http.ServerRequestHeaders;
import io.helidon.webserver.http.Filter;
import io.helidon.webserver.http.FilterChain;
import io.helidon.webserver.http.RoutingRequest;
import io.helidon.webserver.http.RoutingResponse;
import io.sluice.server.http.ApiError;
import io.sluice.server.policy.ApiKey;
import io.sluice.server.policy.KeyRing;
import java.time.InstantSource;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/// Lets in who has a key, before any route is looked for: without one, every path is answered alike. Where nobody needs
/// one, lets in this machine's own programs. Any thread.
public final class AccessFilter implements Filter {
    private static final HeaderName X_API_KEY = HeaderNames.create("x-api-key");
    private static final String BEARER = "bearer ";
    private static final Set<String> PROBES = Set.of("/livez", "/readyz", "/startupz");
    private static final Set<String> PROBES_AND_METRICS = Set.of("/livez", "/readyz", "/startupz", "/metrics");

    private final PolicyInForce policy;
    private final InstantSource wallClock;
    private final Set<String> openPaths;
    private final boolean adminsOnly;
    private final boolean anonymousFromHere; // without keys, this machine's own programs alone are let in

    private AccessFilter(
            PolicyInForce policy,
            InstantSource wallClock,
            Set<String> openPaths,
            boolean adminsOnly,
            boolean anonymousFromHere) {
        this.policy = policy;
        this.wallClock = wallClock;
        this.openPaths = openPaths;
        this.adminsOnly = adminsOnly;
        this.anonymousFromHere = anonymousFromHere;
    }

    /// For the routes that everybody uses.
    public static AccessFilter main(PolicyInForce policy, InstantSource wallClock) {
        return new AccessFilter(policy, wallClock, PROBES, false, true);
    }

    /// The same, but anybody may read the metrics.
    public static AccessFilter mainWithOpenMetrics(PolicyInForce policy, InstantSource wallClock) {
        return new AccessFilter(policy, wallClock, PROBES_AND_METRICS, false, true);
    }

    /// For the admin routes.
    public static AccessFilter admin(PolicyInForce policy, InstantSource wallClock) {
        return new AccessFilter(policy, wallClock, Set.of(), true, true);
    }

    /// The same, but where nobody needs a key, whoever reaches the server is let in.
    public AccessFilter openToAnybody() {
        return new AccessFilter(policy, wallClock, openPaths, adminsOnly, false);
    }

    @Override
    public void filter(FilterChain chain, RoutingRequest request, RoutingResponse response) {
        PolicyInForce.Snapshot now = policy.now();
        Optional<KeyRing> keys = now.policy().keys();
        // The path as it was sent: nothing that is only equal to a probe's after decoding is one.
        boolean open = openPaths.contains(request.path().rawPath());
        if (keys.isEmpty()) {
            if (anonymousFromHere && !open) LocalPrograms.require(request.headers());
            request.context().register(Identity.anonymous(now));
        } else if (!open) {
            request.context().register(Identity.of(now, key(keys.get(), request.headers(), response)));
        }
        chain.proceed();
    }

    private ApiKey key(KeyRing keys, ServerRequestHeaders headers, RoutingResponse response) {
        ApiKey key = switch (keys.check(sent(headers, response), wallClock.instant())) {
            case KeyRing.Check.Valid(ApiKey valid) -> valid;
            case KeyRing.Check.Expired(ApiKey expired) ->
                throw unauthorized(
                        response,
                        "The API key \"" + expired.id() + "\" expired on "
                                + expired.expires().orElseThrow() + ".");
            case KeyRing.Check.Unknown() -> throw unauthorized(response, "The API key is not known here.");
        };
        if (adminsOnly && !key.admin()) {
            throw ApiError.forbidden(
                    null,
                    "not_an_admin_key",
                    "The API key \"" + key.id() + "\" does not open the admin routes; one made with --admin does.");
        }
        return key;
    }

    private static String sent(ServerRequestHeaders headers, RoutingResponse response) {
        List<String> sent = Stream.concat(
                        headers.values(HeaderNames.AUTHORIZATION).stream()
                                .filter(value -> value.toLowerCase(Locale.ROOT).startsWith(BEARER))
                                .map(value -> value.substring(BEARER.length()).strip()),
                        headers.values(X_API_KEY).stream().map(String::strip))
                .distinct()
                .toList();
        return switch (sent.size()) {
            case 1 -> sent.getFirst();
            case 0 ->
                throw unauthorized(
                        response, "An API key is needed: send Authorization: Bearer KEY, or x-api-key: KEY.");
            default -> throw unauthorized(response, "The request has two different API keys; send one.");
        };
    }

    private static ApiError unauthorized(RoutingResponse response, String message) {
        response.header(HeaderNames.WWW_AUTHENTICATE, "Bearer");
        return ApiError.unauthorized("invalid_api_key", message);
    }
}
