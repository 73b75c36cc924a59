package io.sluice.server.records;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.server.generation.Finish;
import io.sluice.server.generation.RequestMeter;
import io.sluice.server.generation.Usage;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class RequestLogTest {
    private static final int RECENT = 10;

    private final AtomicLong now = new AtomicLong(1000);
    private final RequestLog log = new RequestLog(now::get, RECENT);

    @Test
    void a_request_is_found_by_either_id_while_it_runs_and_for_a_while_after() {
        RequestRecord record = begin("r1", "acme", "k1");
        assertThat(log.find("r1")).contains(record);
        record.asked(asked("a1"));
        assertThat(log.find("a1")).contains(record);
        record.admitted(admitted(() -> {}));
        now.addAndGet(500);
        record.finished(new Finish.Stop());
        record.ended(new Usage(1, 0, 2, 0));
        assertThat(record.isOver()).isTrue();
        assertThat(record.endedNs()).isEqualTo(1500);
        assertThat(log.live()).isEmpty();
        assertThat(log.find("a1")).contains(record);
    }

    @Test
    void only_so_many_are_kept_and_those_under_way_are_never_forgotten() {
        RequestRecord running = begin("running", "acme", "k1");
        for (int i = 0; i < 100; i++) {
            RequestRecord record = begin("r" + i, "acme", "k1");
            record.asked(asked("a" + i));
            refuse(record);
        }
        assertThat(log.find("running")).contains(running);
        assertThat(log.find("r99")).isPresent();
        assertThat(log.find("a90")).isPresent();
        assertThat(log.find("r89")).isEmpty();
        assertThat(log.find("a89")).isEmpty();
        assertThat(log.newest(1000)).hasSize(RECENT + 1).first().isSameAs(running);
        assertThat(log.newest(3))
                .extracting(record -> record.opening().requestId())
                .containsExactly("running", "r99", "r98");
    }

    @Test
    void of_two_requests_of_one_name_the_later_is_found_also_when_the_earlier_is_forgotten() {
        refuse(begin("same", "acme", "k1"));
        RequestRecord later = begin("same", "acme", "k1");
        refuse(later);
        for (int i = 0; i < RECENT - 1; i++) refuse(begin("r" + i, "acme", "k1"));
        assertThat(log.find("same")).contains(later);
        refuse(begin("one more", "acme", "k1"));
        assertThat(log.find("same")).isEmpty();
    }

    @Test
    void revoking_ends_what_runs_what_waits_and_what_is_admitted_only_afterwards() {
        AtomicInteger ended = new AtomicInteger();
        RequestRecord running = begin("r1", "acme", "gone");
        running.admitted(admitted(ended::incrementAndGet));
        RequestRecord arriving = begin("r2", "acme", "gone");
        RequestRecord other = begin("r3", "acme", "kept");
        other.admitted(admitted(() -> {
            throw new AssertionError("its key was not revoked");
        }));
        RequestRecord over = begin("r4", "acme", "gone");
        over.admitted(admitted(ended::incrementAndGet));
        over.ended(new Usage(0, 0, 0, 0));
        assertThat(log.revoke("gone"::equals)).isEqualTo(2);
        assertThat(ended).hasValue(1);
        arriving.admitted(admitted(ended::incrementAndGet));
        assertThat(ended).hasValue(2);
    }

    @Test
    void the_first_decision_counts_and_a_long_message_is_cut() {
        RequestRecord record = begin("r1", "acme", "k1");
        record.refused(new Decision.Refused(1, 400, "x", "y".repeat(10_000), Optional.empty()));
        record.refused(new Decision.Refused(2, 500, "z", "later", Optional.empty()));
        assertThat(record.decision()).isInstanceOfSatisfying(Decision.Refused.class, refused -> {
            assertThat(refused.status()).isEqualTo(400);
            assertThat(refused.message()).hasSize(501);
        });
        RequestRecord admitted = begin("r2", "acme", "k1");
        admitted.admitted(admitted(() -> {}));
        admitted.refused(new Decision.Refused(3, 503, "generation_failed", "later", Optional.empty()));
        assertThat(admitted.decision()).isInstanceOf(Decision.Admitted.class);
        assertThat(admitted.isOver()).isFalse();
    }

    private RequestRecord begin(String id, String tenant, String key) {
        return log.begin(new RequestRecord.Opening(id, "/v1/x", Instant.EPOCH, Optional.of(tenant), Optional.of(key)));
    }

    private static void refuse(RequestRecord record) {
        record.refused(new Decision.Refused(0, 429, "c", "m", Optional.empty()));
    }

    private static RequestRecord.Asked asked(String answerId) {
        return new RequestRecord.Asked(
                answerId, "standard", Optional.empty(), Optional.empty(), 2, Optional.empty(), Map.of());
    }

    private static RequestMeter.Admitted admitted(Runnable revoke) {
        return new RequestMeter.Admitted(1, 1, List.of(), revoke);
    }
}
