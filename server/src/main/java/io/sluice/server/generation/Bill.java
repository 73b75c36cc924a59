package io.sluice.server.generation;

import io.sluice.batching.Timeline;
import io.sluice.server.policy.Rates;
import java.util.List;
import java.util.Optional;

/// Says what a request costs. A value; what it reads is final once the request has ended. Any thread.
///
/// @param timelines one for each of its prompts
/// @param rates empty without a price table
record Bill(List<Timeline> timelines, Optional<Rates> rates) {
    static final Bill NONE = new Bill(List.of(), Optional.empty());

    Bill {
        timelines = List.copyOf(timelines);
    }

    Usage on(Usage used) {
        long deviceNs = timelines.stream().mapToLong(Timeline::deviceNs).sum();
        long blockNs = timelines.stream().mapToLong(Timeline::blockNs).sum();
        Expense expense = rates.map(price -> new Expense(
                        deviceNs,
                        blockNs,
                        price.ofTokens(used.prompt(), used.cached(), used.completion())
                                + price.ofDevice(deviceNs, blockNs),
                        price.currency()))
                .orElse(new Expense(deviceNs, blockNs, 0, ""));
        return new Usage(used.prompt(), used.cached(), used.completion(), used.reasoning(), expense);
    }
}
