package io.sluice.server.responses;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/// How long responses are kept, and for whom.
class ResponseStoreTest {
    private final AtomicLong clock = new AtomicLong();
    private final ResponseStore store = new ResponseStore(8, Duration.ofSeconds(10), clock::get);

    @Test
    void a_response_is_kept_for_so_long() {
        keep("a", "ann");
        clock.set(Duration.ofSeconds(10).toNanos() - 1);
        assertThat(store.find("a", "ann")).isPresent();
        clock.incrementAndGet();
        assertThat(store.find("a", "ann")).isEmpty();
    }

    @Test
    void nobody_finds_anothers() {
        keep("a", "ann");
        assertThat(store.find("a", "bob")).isEmpty();
        assertThat(store.delete("a", "bob")).isFalse();
        assertThat(store.delete("a", "ann")).isTrue();
    }

    @Test
    void a_key_has_a_quarter_of_the_places_and_loses_its_own_oldest() {
        keep("other", "bob");
        for (int i = 0; i < 3; i++) keep("a" + i, "ann");
        assertThat(store.find("a0", "ann")).isEmpty();
        assertThat(store.find("a1", "ann")).isPresent();
        assertThat(store.find("a2", "ann")).isPresent();
        assertThat(store.find("other", "bob")).isPresent();
    }

    @Test
    void where_nobody_has_a_key_all_places_are_everybodys() {
        for (int i = 0; i < 9; i++) keep("a" + i, "");
        assertThat(store.find("a0", "")).isEmpty();
        assertThat(store.find("a1", "")).isPresent();
    }

    @Test
    void all_together_stay_within_the_bound() {
        byte[] large = new byte[15 << 20];
        for (int i = 0; i < 5; i++) store.keep("a" + i, "", List.of(), large);
        assertThat(store.find("a0", "")).isEmpty();
        assertThat(store.find("a1", "")).isPresent();
        store.keep("huge", "", List.of(), new byte[17 << 20]);
        assertThat(store.find("huge", "")).isEmpty();
    }

    @Test
    void a_key_has_a_quarter_of_the_bytes_and_loses_its_own_oldest() {
        keep("other", "bob");
        for (int i = 0; i < 2; i++) store.keep("a" + i, "ann", List.of(), new byte[9 << 20]);
        assertThat(store.find("a0", "ann")).isEmpty();
        assertThat(store.find("a1", "ann")).isPresent();
        assertThat(store.find("other", "bob")).isPresent();
        store.delete("a1", "ann");
        store.keep("a2", "ann", List.of(), new byte[9 << 20]); // its share is free again
        assertThat(store.find("a2", "ann")).isPresent();
    }

    private void keep(String id, String owner) {
        store.keep(id, owner, List.of("said"), new byte[] {'{', '}'});
    }
}
