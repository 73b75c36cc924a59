package io.sluice.batching;

import org.jspecify.annotations.Nullable;

/// A request of which a test says only what matters to it.
final class RequestBuilder {
    private String id = "a";
    private int[] prompt = {1};
    private int maxNewTokens = 1;
    private int choices = 1;
    private Tenant tenant = Tenant.ANONYMOUS;
    private TrafficClass trafficClass = TrafficClass.STANDARD;
    private PrefixScope scope = PrefixScope.of(0);
    private Deadlines deadlines = Deadlines.NONE;
    private @Nullable TokenConstraint constraint;
    private @Nullable PromptWish promptWish;

    private RequestBuilder() {}

    /// An anonymous request of one prompt token and one output token.
    static RequestBuilder request() {
        return new RequestBuilder();
    }

    RequestBuilder id(String unique) {
        id = unique;
        return this;
    }

    /// A prompt of `length` tokens: `first`, `first + 1` and so on.
    RequestBuilder prompt(int first, int length) {
        prompt = new int[length];
        for (int i = 0; i < length; i++) prompt[i] = first + i;
        return this;
    }

    RequestBuilder promptLength(int length) {
        return prompt(0, length);
    }

    RequestBuilder maxNewTokens(int most) {
        maxNewTokens = most;
        return this;
    }

    RequestBuilder choices(int count) {
        choices = count;
        return this;
    }

    /// Of a tenant with this name, of weight 1, without floor or ceiling.
    RequestBuilder of(String tenantName) {
        return of(new Tenant(tenantName, 1, 0, 1));
    }

    RequestBuilder of(Tenant itsTenant) {
        tenant = itsTenant;
        return this;
    }

    RequestBuilder in(TrafficClass itsClass) {
        trafficClass = itsClass;
        return this;
    }

    RequestBuilder scope(PrefixScope itsScope) {
        scope = itsScope;
        return this;
    }

    RequestBuilder deadlines(Deadlines its) {
        deadlines = its;
        return this;
    }

    RequestBuilder constraint(TokenConstraint its) {
        constraint = its;
        return this;
    }

    RequestBuilder promptWish(PromptWish its) {
        promptWish = its;
        return this;
    }

    GenerationRequest build() {
        return new GenerationRequest(
                id,
                prompt,
                maxNewTokens,
                choices,
                SamplingParams.GREEDY,
                new int[0],
                new Caller(tenant, trafficClass),
                scope,
                deadlines,
                constraint,
                promptWish);
    }
}
