package io.sluice.server;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.server.generation.Payer;
import io.sluice.server.generation.RequestMeter;
import io.sluice.server.generation.Usage;
import io.sluice.server.quota.QuotaHolder;
import io.sluice.server.quota.QuotaLimits;
import io.sluice.server.quota.Quotas;
import io.sluice.server.records.Decision;
import io.sluice.server.records.RequestLog;
import io.sluice.server.records.RequestRecord;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/// A million tenants, each of which comes once: what is kept of them is bounded in every book.
@Timeout(240)
class ManyTenantsTest {
    private static final int TENANTS = 1_000_000;

    /// Ten thousand a second: a minute's worth may be remembered, and twice as many before somebody looks.
    private static final long GAP_NS = 100_000;

    @Test
    void the_books_of_a_million_tenants_are_as_long_as_those_of_a_minute() {
        AtomicLong nowNs = new AtomicLong();
        Quotas quotas = new Quotas(nowNs::get);
        RequestLog log = new RequestLog(nowNs::get);
        ServerMetrics metrics = new ServerMetrics("m", TestServer.TENANTS_SHOWN);
        QuotaLimits limits = new QuotaLimits(10, 1000, 2);
        int mostAccounts = 0;
        for (int i = 0; i < TENANTS; i++) {
            String tenant = "tenant-" + i;
            nowNs.addAndGet(GAP_NS);
            RequestRecord record = log.begin(new RequestRecord.Opening(
                    "r" + i, "/v1/completions", Instant.EPOCH, Optional.of(tenant), Optional.of("k" + i)));
            RequestMeter meter = metrics.begin(new Payer(tenant, "standard", Optional.empty()));
            Quotas.Decision decision = quotas.enter(Optional.empty(), QuotaHolder.tenant(tenant, limits), 10);
            if (!(decision instanceof Quotas.Decision.Entered(var permit))) throw new AssertionError(decision);
            permit.reserve(100);
            if (i % 2 == 0) {
                meter.admitted(new RequestMeter.Admitted(10, 1, List.of(), () -> {}));
                meter.ended(new Usage(10, 0, 5, 0));
                record.ended(new Usage(10, 0, 5, 0));
                permit.settle(15);
            } else {
                meter.refused("queue_full");
                record.refused(new Decision.Refused(nowNs.get(), 503, "queue_full", "no", Optional.of(Duration.ZERO)));
                permit.withdraw();
            }
            mostAccounts = Math.max(mostAccounts, quotas.accountCount());
        }
        // Those that took something come back to full within seconds, and are forgotten then.
        assertThat(mostAccounts).isLessThan(250_000);
        assertThat(log.live()).isEmpty();
        assertThat(log.newest(Integer.MAX_VALUE)).hasSize(RequestLog.RECENT_MAX);
    }
}
