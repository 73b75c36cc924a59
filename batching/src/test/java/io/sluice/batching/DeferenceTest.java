package io.sluice.batching;

import static io.sluice.batching.RequestBuilder.request;
import static org.assertj.core.api.Assertions.assertThat;

import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;

class DeferenceTest {
    private static final long SECOND = 1_000_000_000;
    private static final Offset<Double> CLOSE = Offset.offset(0.01);

    private final Accounts accounts = new Accounts(1000, 100);
    private final Flow busy = flow(new Tenant("busy", 1, 0, 1));
    private final Flow light = flow(new Tenant("light", 1, 0, 1));
    private final Deference deference = busy.classQueue().deference();

    @Test
    void nobodyDefersToNobody() {
        admit(busy, 100);
        assertThat(deference.part(busy, 0)).isEqualTo(1);
    }

    @Test
    void whoHadMoreMayWaitForAsMuchLessWhileAnotherIsRefused() {
        admit(busy, 40);
        admit(light, 10);
        deference.refused(light, 0);
        assertThat(deference.part(busy, 0)).isCloseTo(0.25, CLOSE);
        assertThat(deference.part(light, 0)).isEqualTo(1);
        assertThat(deference.part(busy, 11 * SECOND))
                .as("it did not come again")
                .isEqualTo(1);
    }

    @Test
    void whoHadLessDefersToNobody() {
        admit(busy, 40);
        admit(light, 10);
        deference.refused(busy, 0);
        assertThat(deference.part(light, 0)).isEqualTo(1);
    }

    @Test
    void ofThoseWhoAreRefusedTheOneWhoHadLeastCounts() {
        admit(busy, 40);
        admit(light, 10);
        deference.refused(light, 0);
        deference.refused(busy, 1);
        assertThat(deference.part(busy, 2)).isCloseTo(0.25, CLOSE);
        assertThat(deference.part(light, 2)).isEqualTo(1);
    }

    @Test
    void whoHadNothingLeavesTheOthersSomething() {
        admit(busy, 40);
        deference.refused(light, 0);
        assertThat(deference.part(busy, 0)).isCloseTo(0.05, CLOSE);
    }

    @Test
    void weightsCount() {
        Flow heavyweight = flow(new Tenant("heavyweight", 4, 0, 1));
        admit(heavyweight, 40);
        admit(light, 10);
        deference.refused(light, 0);
        assertThat(deference.part(heavyweight, 0)).isCloseTo(1, CLOSE);
    }

    private Flow flow(Tenant tenant) {
        return accounts.open(request().of(tenant).build().caller(), 0);
    }

    private static void admit(Flow flow, long seconds) {
        flow.addWaiting(new Demand(seconds * SECOND, 1, 1, 1, 1), 0);
    }
}
