package io.sluice.server.access;

import io.helidon.http.HeaderName;
import io.helidon.http.HeaderNames;
import io.helidon.http.ServerRequestHeaders;
import io.sluice.batching.Attempt;
import io.sluice.batching.Deadlines;
import io.sluice.batching.TrafficClass;
import io.sluice.server.http.ApiError;
import io.sluice.server.policy.Policy;
import io.sluice.server.policy.TenantTerms;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;

/// What a request may say about itself in headers: less than its tenant is promised, never more. A value.
///
/// @param trafficClass the one that it is served in
/// @param firstTokenWithin after its arrival
/// @param within after its arrival
/// @param attempt whether it was refused before
record CallerHeaders(
        TrafficClass trafficClass, Optional<Duration> firstTokenWithin, Optional<Duration> within, Attempt attempt) {
    private static final HeaderName CLASS = HeaderNames.create("x-sluice-class");
    private static final HeaderName FIRST_TOKEN_MS = HeaderNames.create("x-sluice-ttft-ms");
    private static final HeaderName WITHIN_MS = HeaderNames.create("x-sluice-deadline-ms");

    /// What the llm-d router sends.
    private static final HeaderName LLM_D_FIRST_TOKEN_MS = HeaderNames.create("x-llm-d-slo-ttft-ms");

    /// How often a request was sent before, as the clients of OpenAI and Anthropic say in every request.
    private static final HeaderName RETRY_COUNT = HeaderNames.create("x-stainless-retry-count");

    private static final long MS_MAX = Duration.ofDays(365).toMillis();
    private static final int DIGITS_MAX = 12;
    private static final Pattern COUNT = Pattern.compile("[1-9][0-9]{0,8}");

    /// @throws ApiError 400 if a header means nothing, 403 if it asks for more than the tenant has
    static CallerHeaders parse(
            ServerRequestHeaders headers, Optional<String> serviceTier, Policy policy, TenantTerms terms) {
        return new CallerHeaders(
                trafficClass(headers, serviceTier, policy, terms),
                shortest(List.of(
                        terms.firstTokenWithin(),
                        millis(headers, FIRST_TOKEN_MS),
                        millis(headers, LLM_D_FIRST_TOKEN_MS))),
                shortest(List.of(terms.within(), millis(headers, WITHIN_MS))),
                attempt(headers));
    }

    /// As moments on the clock on which the request arrived.
    Deadlines deadlines(long arrivedNs) {
        return new Deadlines(moment(arrivedNs, firstTokenWithin), moment(arrivedNs, within));
    }

    private static long moment(long arrivedNs, Optional<Duration> within) {
        return within.map(time -> arrivedNs + time.toNanos()).orElse(Deadlines.NONE.lastNs());
    }

    private static TrafficClass trafficClass(
            ServerRequestHeaders headers, Optional<String> serviceTier, Policy policy, TenantTerms terms) {
        Optional<String> wanted = single(headers, CLASS);
        if (wanted.isEmpty()) return ServiceTier.trafficClass(serviceTier, policy, terms);
        return ServiceTier.named(new ServiceTier.Wish(CLASS.lowerCase(), wanted.get()), policy, terms);
    }

    /// Whatever else is there says nothing: it is not our header.
    private static Attempt attempt(ServerRequestHeaders headers) {
        boolean again = headers.values(RETRY_COUNT).stream()
                .anyMatch(count -> COUNT.matcher(count.strip()).matches());
        return again ? Attempt.AGAIN : Attempt.FIRST;
    }

    private static Optional<Duration> millis(ServerRequestHeaders headers, HeaderName name) {
        return single(headers, name).map(text -> {
            boolean digits = !text.isEmpty()
                    && text.length() <= DIGITS_MAX
                    && text.chars().allMatch(c -> c >= '0' && c <= '9');
            long millis = digits ? Long.parseLong(text) : 0;
            if (millis >= 1 && millis <= MS_MAX) return Duration.ofMillis(millis);
            throw wrong(
                    name,
                    "must be a whole number of milliseconds from 1 to " + MS_MAX + ", got \"" + shown(text) + "\"");
        });
    }

    private static Optional<String> single(ServerRequestHeaders headers, HeaderName name) {
        List<String> values = headers.values(name);
        if (values.size() > 1) throw wrong(name, "was sent " + values.size() + " times");
        return values.stream().findFirst().map(String::strip);
    }

    private static Optional<Duration> shortest(List<Optional<Duration>> times) {
        return times.stream().flatMap(Optional::stream).min(Duration::compareTo);
    }

    private static ApiError wrong(HeaderName name, String problem) {
        return ApiError.invalid(
                400, name.lowerCase(), "invalid_header", "The header " + name.lowerCase() + " " + problem + ".");
    }

    private static String shown(String text) {
        return text.length() <= 40 ? text : text.substring(0, 40) + "…";
    }
}
