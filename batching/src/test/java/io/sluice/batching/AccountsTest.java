package io.sluice.batching;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;

class AccountsTest {
    private static final int FLOWS_MAX = 100;
    private static final TrafficClass CLASS = ClassTerms.named("class", 1).terms();
    private static final TrafficClass OTHER = ClassTerms.named("other", 2).terms();

    private final Accounts accounts = new Accounts(50, FLOWS_MAX);

    @Test
    void aTenantHasOneAccountAndAFlowInEachOfItsClasses() {
        Flow flow = open("a", CLASS);
        assertThat(open("a", CLASS)).isSameAs(flow);
        Flow inOther = open("a", OTHER);
        assertThat(inOther).isNotSameAs(flow);
        assertThat(inOther.account()).isSameAs(flow.account());
        assertThat(open("b", CLASS).classQueue()).isSameAs(flow.classQueue());
        assertThat(accounts.tenants()).hasSize(2);
        assertThat(accounts.classes()).hasSize(2);
        assertThat(accounts.flowCount()).isEqualTo(3);
    }

    @Test
    void theLatestTermsCount() {
        Flow flow = open("a", CLASS);
        TrafficClass changed = ClassTerms.named("class", 5).terms();
        accounts.open(new Caller(new Tenant("a", 7, 0, 1), changed), 0);
        assertThat(flow.account().terms().weight()).isEqualTo(7);
        assertThat(flow.classQueue().terms().rank()).isEqualTo(5);
    }

    @Test
    void aMillionTenantsThatComeOnceTakeNoMoreRoomThanTheBound() {
        int most = 0;
        for (int i = 0; i < 1_000_000; i++) {
            accounts.close(open("t" + i, CLASS));
            most = Math.max(most, Math.max(accounts.flowCount(), accounts.tenantCount()));
        }
        assertThat(most).isLessThanOrEqualTo(FLOWS_MAX + 1);
    }

    @Test
    void whoHasRequestsIsNotForgotten() {
        Flow kept = open("kept", CLASS);
        for (int i = 0; i < 1000; i++) accounts.close(open("t" + i, CLASS));
        assertThat(open("kept", CLASS)).isSameAs(kept);
        assertThat(kept.account()).isIn(accounts.tenants());
    }

    @Test
    void ifMoreHaveRequestsThanTheBoundAllAreKeptUntilTheyHaveNone() {
        List<Flow> open = new ArrayList<>();
        for (int i = 0; i < 3 * FLOWS_MAX; i++) open.add(open("t" + i, CLASS));
        assertThat(accounts.flowCount()).isEqualTo(3 * FLOWS_MAX);
        for (Flow flow : open) accounts.close(flow);
        for (int i = 0; i < 2 * FLOWS_MAX; i++) accounts.close(open("t0", CLASS));
        assertThat(accounts.flowCount()).isEqualTo(FLOWS_MAX);
    }

    @Test
    void whoCameFirstIsForgottenFirst() {
        for (int i = 0; i < FLOWS_MAX; i++) accounts.close(open("t" + i, CLASS));
        Flow last = open("t99", CLASS);
        accounts.close(last);
        Flow first = open("t0", CLASS);
        accounts.close(first);
        for (int i = 0; i < FLOWS_MAX / 2; i++) accounts.close(open("new" + i, CLASS));
        assertThat(open("t99", CLASS)).isSameAs(last);
        assertThat(open("t0", CLASS)).isNotSameAs(first);
    }

    @Test
    void whoIsForgottenLosesWhatWasLearnedAndStartsWithTheOthers() {
        Flow busy = open("busy", CLASS);
        Flow flow = open("a", CLASS);
        for (int i = 0; i < 100; i++) flow.outputs().add(7);
        flow.setVirtualTime(1e9); // it had a great deal more than its part
        accounts.close(flow);
        for (int i = 0; i < 1000; i++) accounts.close(open("t" + i, CLASS));
        var arrivals = new Arrivals(accounts);
        Sequence waiting = arrivals.arrive(RequestBuilder.request().of("busy").in(CLASS));
        busy.setVirtualTime(40);
        busy.classQueue().add(waiting);
        Sequence back = arrivals.arrive(RequestBuilder.request().of("a").in(CLASS));
        back.flow().classQueue().add(back);
        assertThat(back.flow()).isNotSameAs(flow);
        assertThat(back.flow().outputs().isKnown()).isFalse();
        assertThat(back.flow().virtualTime()).isEqualTo(40); // no more than its part from now on, and no less
    }

    @Test
    void aTenantStaysAsLongAsOneOfItsFlowsDoes() {
        accounts.close(open("a", CLASS));
        Flow kept = open("a", OTHER);
        for (int i = 0; i < 1000; i++) accounts.close(open("t" + i, CLASS));
        assertThat(open("a", CLASS).account()).isSameAs(kept.account());
    }

    /// With room for one flow each tenant is forgotten when the other comes, while it comes back on another
    /// thread.
    @Test
    void aTenantThatComesBackWhileItIsForgottenHasOneAccountAllTheSame() throws Exception {
        var crowded = new Accounts(50, 1);
        try (var threads = Executors.newFixedThreadPool(2)) {
            List<Future<?>> visits = List.of(
                    threads.submit(() -> comeAndGo(crowded, CLASS)), threads.submit(() -> comeAndGo(crowded, OTHER)));
            for (Future<?> visit : visits) visit.get();
        }
    }

    private static void comeAndGo(Accounts crowded, TrafficClass trafficClass) {
        for (int i = 0; i < 500_000; i++) {
            String tenant = i % 2 == 0 ? "a" : "b";
            Flow flow = crowded.open(new Caller(new Tenant(tenant, 1, 0, 1), trafficClass), 0);
            if (crowded.find(tenant) != flow.account()) throw new AssertionError("two accounts for " + tenant);
            crowded.close(flow);
        }
    }

    @Test
    void theAccountOfATenantWithAFloorStays() {
        var protectedTenant = new Tenant("protected", 1, 0.2, 1);
        Flow flow = accounts.open(new Caller(protectedTenant, CLASS), 0);
        accounts.close(flow);
        for (int i = 0; i < 1000; i++) accounts.close(open("t" + i, CLASS));
        assertThat(accounts.open(new Caller(protectedTenant, CLASS), 0).account())
                .isSameAs(flow.account());
    }

    private Flow open(String tenant, TrafficClass trafficClass) {
        return accounts.open(new Caller(new Tenant(tenant, 1, 0, 1), trafficClass), 0);
    }
}
