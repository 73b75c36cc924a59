package io.sluice.server.audit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sluice.server.audit.AuditVerification.Result;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/// A log is what was written, or is found not to be.
@Timeout(120)
class AuditLogTest {
    private static final InstantSource CLOCK = InstantSource.fixed(Instant.parse("2026-11-24T12:00:00Z"));
    private static final Duration LONG = Duration.ofDays(400);

    @TempDir
    @SuppressWarnings("NullAway.Init") // JUnit sets it
    Path home;

    @SuppressWarnings("NullAway.Init") // made before each test
    private Path folder;

    @SuppressWarnings("NullAway.Init") // made before each test
    private AuditKey key;

    @BeforeEach
    void makeAKey() throws IOException {
        folder = home.resolve("audit");
        Path file = home.resolve("key");
        Files.writeString(file, "0123456789abcdef0123456789abcdef\n");
        key = AuditKey.read(file);
    }

    @Test
    void what_was_written_is_intact_and_is_read_in_order() throws Exception {
        write(key, 0, 300, 64 << 20);
        write(key, 300, 20, 64 << 20); // another process goes on
        List<String> lines = new ArrayList<>();
        assertThat(AuditVerification.read(folder, key, lines::add)).isEqualTo(new Result.Intact(320, 0));
        for (int i = 0; i < 320; i++) assertThat(lines.get(i)).contains("\"number\":" + i + ",");
    }

    @Test
    void it_goes_on_in_other_files() throws Exception {
        for (int i = 0; i < 8; i++) write(key, 5 * i, 5, 1);
        assertThat(files()).hasSizeGreaterThan(4);
        assertThat(AuditVerification.of(folder, key)).isEqualTo(new Result.Intact(40, 0));
        Files.delete(files().get(2));
        assertThat(broken()).contains("lines were removed or reordered");
    }

    /// What somebody may do to a file of lines.
    interface Edit {
        void to(List<String> lines);
    }

    static Stream<Arguments> edits() {
        return Stream.of(
                Arguments.of("a line removed", (Edit) lines -> lines.remove(10), "removed or reordered"),
                Arguments.of("the first line removed", (Edit) List::removeFirst, "no line says that those before"),
                Arguments.of("the last line removed", (Edit) List::removeLast, "1 lines were removed"),
                Arguments.of(
                        "half removed", (Edit) lines -> lines.subList(15, 30).clear(), "15 lines were removed"),
                Arguments.of("two swapped", (Edit) lines -> Collections.swap(lines, 3, 4), "removed or reordered"),
                Arguments.of("one twice", (Edit) lines -> lines.add(5, lines.get(5)), "removed or reordered"),
                Arguments.of(
                        "a digit changed",
                        (Edit) lines -> lines.set(7, lines.get(7).replace("\"number\":7", "\"number\":8")),
                        "was changed"),
                Arguments.of(
                        "a number changed",
                        (Edit) lines -> lines.set(7, lines.get(7).replace("\"seq\":8", "\"seq\":9")),
                        "was changed"),
                Arguments.of("a word added", (Edit) lines -> lines.set(29, lines.get(29) + " "), "no line"),
                Arguments.of(
                        "a line cut off",
                        (Edit) lines -> lines.set(29, lines.get(29).substring(0, 60)),
                        "no line"),
                Arguments.of("an empty line", (Edit) lines -> lines.add(3, ""), "no line"));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("edits")
    void whatever_is_done_to_the_lines_is_found(String what, Edit edit, String said) throws Exception {
        write(key, 0, 30, 64 << 20);
        List<String> lines = new ArrayList<>(Files.readAllLines(files().getFirst()));
        edit.to(lines);
        Files.write(files().getFirst(), lines);
        assertThat(broken()).as(what).contains(said);
    }

    @Test
    void every_single_changed_byte_is_found() throws Exception {
        write(key, 0, 3, 64 << 20);
        Path file = files().getFirst();
        byte[] whole = Files.readAllBytes(file);
        for (int i = 0; i < whole.length - 1; i++) { // the last ends the last line
            byte[] changed = whole.clone();
            changed[i] ^= 1;
            Files.write(file, changed);
            assertThat(AuditVerification.of(folder, key)).as("byte %d", i).isInstanceOf(Result.Broken.class);
        }
        Files.write(file, whole);
        assertThat(AuditVerification.of(folder, key)).isInstanceOf(Result.Intact.class);
    }

    @Test
    void a_log_made_anew_with_another_key_does_not_hold() throws Exception {
        write(AuditKey.NONE, 0, 5, 64 << 20);
        assertThat(broken()).contains("the key is another");
        assertThat(AuditVerification.of(folder, AuditKey.NONE)).isEqualTo(new Result.Intact(5, 0));
    }

    @Test
    void a_line_that_was_not_written_to_its_end_is_cut_and_told_of() throws Exception {
        write(key, 0, 5, 64 << 20);
        Path file = files().getFirst();
        Files.writeString(file, Files.readString(file) + "{\"seq\":6,\"prev\":\"00");
        write(key, 5, 1, 64 << 20);
        assertThat(AuditVerification.of(folder, key)).isEqualTo(new Result.Intact(7, 0));
        assertThat(Files.readString(file)).contains("\"kind\":\"unfinished\",\"bytes_cut\":19");
    }

    @Test
    void a_server_does_not_go_on_with_a_log_that_lines_are_missing_of() throws Exception {
        write(key, 0, 5, 64 << 20);
        List<String> lines = Files.readAllLines(files().getFirst());
        Files.write(files().getFirst(), lines.subList(0, 3));
        assertThatThrownBy(() -> write(key, 5, 1, 64 << 20))
                .isInstanceOf(AuditUnusable.class)
                .hasMessageContaining("lines are missing at its end")
                .hasMessageContaining("audit verify");
    }

    @Test
    void two_servers_do_not_share_a_folder() throws Exception {
        try (AuditLog first = open(key, 64 << 20, 100)) {
            assertThatThrownBy(() -> open(key, 64 << 20, 100)).hasMessageContaining("another server");
            first.offer("test", Map.of());
        }
    }

    @Test
    void what_finds_no_place_is_counted_and_the_log_says_so() throws Exception {
        CountDownLatch held = new CountDownLatch(1);
        try (AuditLog log = open(key, 64 << 20, 4)) {
            log.offer("slow", 0, () -> {
                await(held);
                return Map.of();
            });
            for (int i = 0; i < 100; i++) log.offer("test", Map.of("number", i));
            assertThat(log.lostCount()).isBetween(92L, 97L); // the writer may have taken some with the slow one
            held.countDown();
        }
        assertThat(AuditVerification.of(folder, key))
                .isInstanceOfSatisfying(
                        Result.Intact.class, intact -> assertThat(intact.lost()).isBetween(92L, 97L));
    }

    @Test
    void texts_that_wait_are_bounded_whatever_their_number() throws Exception {
        CountDownLatch held = new CountDownLatch(1);
        CountDownLatch begun = new CountDownLatch(1);
        try (AuditLog log = open(key, 64 << 20, 100)) {
            log.offer("slow", 0, () -> {
                begun.countDown();
                await(held);
                return Map.of();
            });
            await(begun);
            for (int i = 0; i < 10; i++) log.offer("test", 32L << 20, Map::of);
            assertThat(log.lostCount()).isEqualTo(8);
            held.countDown();
        }
        assertThat(AuditVerification.of(folder, key)).isEqualTo(new Result.Intact(4, 8)); // with the one of the loss
        try (AuditLog log = open(key, 64 << 20, 100)) {
            log.offer("test", 32L << 20, Map::of);
            assertThat(log.lostCount()).isZero();
        }
    }

    @Test
    void a_line_that_cannot_be_made_is_lost_alone() throws Exception {
        try (AuditLog log = open(key, 64 << 20, 100)) {
            log.offer("test", Map.of("number", 1));
            log.offer("broken", 0, () -> {
                throw new StackOverflowError("a pattern that goes too deep");
            });
            log.offer("broken", 0, () -> {
                throw new IllegalStateException("anything else");
            });
            log.offer("test", Map.of("number", 2));
            awaitWritten(log, 2);
            log.offer("test", Map.of("number", 3));
        }
        // The two may be told of in one line or in two.
        assertThat(AuditVerification.of(folder, key)).isIn(new Result.Intact(4, 2), new Result.Intact(5, 2));
    }

    @Test
    void a_line_holds_whatever_characters_a_client_sends() throws Exception {
        String strange = "a\u2028b\u2029c\u0085d\r\ne\ud800f\u0000";
        try (AuditLog log = open(key, 64 << 20, 100)) {
            log.offer("test", Map.of("user", strange));
        }
        write(key, 1, 1, 64 << 20); // and a server goes on after it
        assertThat(AuditVerification.of(folder, key)).isEqualTo(new Result.Intact(2, 0));
    }

    @Test
    void a_last_line_whose_number_could_not_be_noted_is_not_lost() throws Exception {
        Path inTheWay = Files.createDirectories(folder.resolve("audit.head.new"));
        try (AuditLog log = open(key, 64 << 20, 100)) {
            log.offer("test", Map.of("number", 1));
            awaitWritten(log, 1);
            log.offer("test", Map.of("number", 2));
            awaitWritten(log, 2);
            Files.delete(inTheWay);
            log.offer("test", Map.of("number", 3));
            assertThat(log.lostCount()).isZero();
        }
        assertThat(AuditVerification.of(folder, key)).isEqualTo(new Result.Intact(3, 0));
    }

    @Test
    void old_files_go_and_the_log_says_which() throws Exception {
        for (int i = 0; i < 4; i++) write(key, 5 * i, 5, 1);
        List<Path> before = files();
        for (int i = 0; i < 2; i++)
            Files.setLastModifiedTime(
                    before.get(i), FileTime.from(CLOCK.instant().minus(LONG.plusDays(1))));
        write(key, 20, 1, 1);
        assertThat(files()).doesNotContain(before.get(0), before.get(1)).contains(before.get(2));
        assertThat(AuditVerification.of(folder, key)).isInstanceOf(Result.Intact.class);
        // A file that goes without being told of is missed.
        Files.delete(files().getFirst());
        assertThat(broken()).contains("no line says that those before were removed");
    }

    @Test
    void texts_are_encrypted_for_the_key_alone() {
        String sealed = key.encrypt("grüße");
        assertThat(sealed).isNotEqualTo(key.encrypt("grüße"));
        assertThat(key.decrypt(sealed)).isEqualTo("grüße");
        assertThatThrownBy(() -> key.decrypt(sealed.substring(0, 20) + "AAAA" + sealed.substring(24)))
                .hasMessageContaining("another key, or was changed");
        assertThatThrownBy(() -> AuditKey.NONE.decrypt(sealed)).hasMessageContaining("--audit-key-file");
    }

    private String broken() {
        if (AuditVerification.of(folder, key) instanceof Result.Broken(String place, String problem)) {
            return place + " " + problem;
        }
        throw new AssertionError("the log is said to be intact");
    }

    private void write(AuditKey its, int from, int count, long fileBytesMax) throws Exception {
        try (AuditLog log = open(its, fileBytesMax, 1000)) {
            for (int i = from; i < from + count; i++) log.offer("test", Map.of("number", i));
        }
    }

    private AuditLog open(AuditKey its, long fileBytesMax, int queueMax) {
        return AuditLog.open(folder, its, new AuditLog.Limits(fileBytesMax, LONG, queueMax), CLOCK);
    }

    /// Waits until so many lines are on the disk; the class's timeout bounds it.
    private static void awaitWritten(AuditLog log, long count) {
        while (log.writtenCount() < count) Thread.onSpinWait();
    }

    private List<Path> files() throws IOException {
        return new AuditFolder(folder).files();
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }
}
