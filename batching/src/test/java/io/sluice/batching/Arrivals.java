package io.sluice.batching;

/// Sequences without an engine: each in its caller's flow, numbered as they arrive.
final class Arrivals {
    private static final int FLOWS_MAX = 1000;

    private final Accounts accounts;
    private long count;
    long nowNs;

    /// @param blockCount what the tenants' floors and ceilings are parts of
    Arrivals(int blockCount) {
        this(new Accounts(blockCount, FLOWS_MAX));
    }

    Arrivals(Accounts accounts) {
        this.accounts = accounts;
    }

    /// The first choice of a request that was admitted just now.
    Sequence arrive(RequestBuilder builder) {
        GenerationRequest request = builder.build();
        Flow flow = accounts.open(request.caller(), nowNs);
        var expected = new Timeline.Forecast(0, 0, 0, 0, request.tokenCountMax());
        var submission = new Submission(request, flow, expected, new Demand(1, 1, 1, 1, 1), nowNs, () -> {});
        for (int choice = 0; choice < submission.choiceCount(); choice++)
            submission.sequence(choice).setOrder(count++);
        return submission.sequence(0);
    }
}
