package io.sluice.server.access;

import io.helidon.http.ServerRequestHeaders;
import io.helidon.http.WritableHeaders;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import io.sluice.batching.Caller;
import io.sluice.batching.Deadlines;
import io.sluice.server.generation.EndMeter;
import io.sluice.server.generation.Payer;
import io.sluice.server.generation.RequestMeter;
import io.sluice.server.generation.RequestMeters;
import io.sluice.server.generation.RequestTerms;
import io.sluice.server.generation.TextRequest;
import io.sluice.server.http.ApiError;
import io.sluice.server.http.RequestIds;
import io.sluice.server.policy.ApiKey;
import io.sluice.server.policy.TenantTerms;
import io.sluice.server.quota.QuotaHolder;
import io.sluice.server.quota.QuotaPermit;
import io.sluice.server.quota.QuotaRates;
import io.sluice.server.quota.QuotaRefusal;
import io.sluice.server.quota.Quotas;
import io.sluice.server.records.Decision;
import io.sluice.server.records.EnginePart;
import io.sluice.server.records.RequestRecord;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// One request for text on its way in: decides for whom and under which terms it is served. The request's thread.
public final class Entry {
    private static final int TOO_MANY = 429;
    private static final int SERVER_ERRORS = 500;

    private final Intake intake;
    private final Identity identity;
    private final ServerRequestHeaders headers;
    private final boolean awaited; // a client waits for the answer
    private final RequestRecord record;
    private @Nullable QuotaPermit permit; // null before it has entered

    private Entry(
            Intake intake, Identity identity, ServerRequestHeaders headers, RequestRecord record, boolean awaited) {
        this.intake = intake;
        this.identity = identity;
        this.headers = headers;
        this.record = record;
        this.awaited = awaited;
    }

    /// Begins to keep a record.
    static Entry begin(Intake intake, ServerRequest request, ServerResponse response) {
        Identity identity = Identity.of(request);
        RequestRecord record = intake.log()
                .begin(new RequestRecord.Opening(
                        RequestIds.of(response),
                        request.path().rawPath(),
                        Instant.now(),
                        identity.tenant(),
                        identity.key().map(ApiKey::id)));
        Entry entry = new Entry(intake, identity, request.headers(), record, true);
        response.beforeSend(() -> RateLimitHeaders.set(response.headers(), entry.rates()));
        response.whenSent(entry::sent);
        return entry;
    }

    /// For a request of a batch: nobody waits for it, so it goes last and has no deadline.
    ///
    /// @param identity of whoever sent the batch
    /// @param path that it would have been sent to
    public static Entry unattended(Intake intake, Identity identity, String path) {
        RequestRecord record = intake.log()
                .begin(new RequestRecord.Opening(
                        RequestIds.fresh(),
                        path,
                        Instant.now(),
                        identity.tenant(),
                        identity.key().map(ApiKey::id)));
        return new Entry(intake, identity, ServerRequestHeaders.create(WritableHeaders.create()), record, false);
    }

    /// What the request is called.
    public String requestId() {
        return record.opening().requestId();
    }

    /// Of the request, within `InferenceHandler`.
    public static Entry of(ServerRequest request) {
        return request.context().get(Entry.class).orElseThrow();
    }

    /// A key that was revoked while its request was on the way in was not found among the live ones then.
    public void requireKeyStillAccepted() {
        Optional<ApiKey> key = identity.key();
        boolean revoked = key.isPresent()
                && intake.policy()
                        .now()
                        .policy()
                        .keys()
                        .filter(ring -> ring.revokes(key.get()))
                        .isPresent();
        if (revoked) throw ApiError.unauthorized("invalid_api_key", "The API key is not known here.");
    }

    /// Decides under which terms the request is served, and takes its place in its caller's quotas. To be called once,
    /// before anything costly is done.
    ///
    /// @throws ApiError if it is not served
    public RequestTerms terms(TextRequest text, BodyWishes wishes) {
        String tenant = requireTenant();
        TenantTerms terms = identity.inForce().policy().terms(tenant);
        CallerHeaders wanted = CallerHeaders.parse(
                headers, wishes.serviceTier(), identity.inForce().policy(), terms);
        record.asked(new RequestRecord.Asked(
                text.id(),
                wanted.trafficClass().name(),
                wanted.firstTokenWithin().map(Duration::toMillis),
                wanted.within().map(Duration::toMillis),
                text.tokensWanted(),
                wishes.labels().user(),
                wishes.labels().metadata()));
        Payer payer = payer(tenant, wanted.trafficClass().name());
        RequestMeter counts = intake.meter().begin(payer);
        QuotaPermit entered = enter(QuotaHolder.tenant(tenant, terms.limits()), text.tokensWanted(), counts);
        permit = entered;
        return new RequestTerms(
                new Caller(terms.tenant(tenant), wanted.trafficClass()),
                wishes.cacheSalt()
                        .map(salt -> intake.salts().ofTenant(tenant, salt))
                        .orElseGet(() -> intake.salts().ofTenant(tenant)),
                identity.inForce().sharedPrefixes(),
                awaited ? wanted.deadlines(record.arrivedNs()) : Deadlines.NONE,
                wanted.attempt(),
                terms.outputTokensDefault(),
                payer.rates(),
                entered,
                new RequestMeters(List.of(record, counts, settlement(entered))));
    }

    private Payer payer(String tenant, String trafficClass) {
        return new Payer(tenant, trafficClass, identity.inForce().policy().rates(trafficClass));
    }

    private String requireTenant() {
        return identity.tenant()
                .orElseThrow(() -> ApiError.forbidden(
                        null,
                        "key_without_tenant",
                        "The API key \"" + identity.key().map(ApiKey::id).orElse("")
                                + "\" serves administration alone; make another with --tenant for requests."));
    }

    /// Takes a request in that is answered without the engine: it counts as one request of its caller's quotas, and for
    /// no tokens. To be called once, before anything costly is done.
    ///
    /// @throws ApiError if it is not served
    public void answerAtOnce() {
        String tenant = requireTenant();
        TenantTerms terms = identity.inForce().policy().terms(tenant);
        QuotaPermit entered = enter(
                QuotaHolder.tenant(tenant, terms.limits()),
                0,
                intake.meter().begin(payer(tenant, terms.trafficClass().name())));
        permit = entered;
        entered.settle(0);
    }

    /// The request was answered.
    void answered() {
        if (record.decision() instanceof Decision.Pending) record.answered();
    }

    private QuotaPermit enter(QuotaHolder tenant, long tokensWanted, RequestMeter counts) {
        return switch (intake.quotas().enter(key(), tenant, tokensWanted)) {
            case Quotas.Decision.Entered(QuotaPermit entered) -> entered;
            case Quotas.Decision.Refused(QuotaRefusal refusal) -> {
                counts.refused(refusal.limit().code());
                throw overQuota(refusal);
            }
        };
    }

    private Optional<QuotaHolder> key() {
        return identity.key().map(key -> QuotaHolder.key(key.id(), key.limits()));
    }

    /// Where the caller stands now; nowhere without a tenant.
    private QuotaRates rates() {
        if (permit != null) return permit.rates();
        return identity.tenant()
                .map(tenant -> QuotaHolder.tenant(
                        tenant, identity.inForce().policy().terms(tenant).limits()))
                .map(tenant -> intake.quotas().rates(key(), tenant))
                .orElse(QuotaRates.NONE);
    }

    /// A quota's refusal as the client sees it.
    public static ApiError overQuota(QuotaRefusal refusal) {
        String code = refusal.limit().code();
        return refusal.never()
                ? ApiError.neverFits(null, code, refusal.sentence())
                : ApiError.overQuota(code, refusal.sentence(), refusal.retryAfter());
    }

    /// The request was answered with an error. If it was not admitted, that is its end: it counts against its caller's
    /// quota unless the server is to blame.
    public void failed(ApiError error) {
        Optional<Duration> retryAfter =
                error.retry() instanceof ApiError.Retry.After(Duration pause) ? Optional.of(pause) : Optional.empty();
        record.refused(
                new Decision.Refused(record.nowNs(), error.status(), error.code(), error.getMessage(), retryAfter));
        // What is admitted is paid for when it ends, which may be later: a stream may go on without its client.
        if (permit == null || record.decision() instanceof Decision.Admitted) return;
        if (error.status() >= SERVER_ERRORS || error.status() == TOO_MANY) permit.withdraw();
        else permit.forfeit();
    }

    /// The answer has left.
    private void sent() {
        if (!(record.decision() instanceof Decision.Refused)) return;
        record.refusalSent();
        if (record.tokenisedNs() == EnginePart.NOT_YET) return;
        intake.meter().refusalSent(record.refusalSentNs() - record.tokenisedNs());
    }

    /// Gives the unused part of a reservation back at the request's end.
    private static EndMeter settlement(QuotaPermit permit) {
        return usage -> permit.settle(usage.total());
    }
}
