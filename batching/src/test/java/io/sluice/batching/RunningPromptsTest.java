package io.sluice.batching;

import static io.sluice.batching.RequestBuilder.request;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

class RunningPromptsTest {
    private static final long MS = 1_000_000;
    private static final TrafficClass OURS =
            ClassTerms.named("ours", 0).firstTokenTargetNs(1000 * MS).terms();
    private static final TrafficClass OTHERS = ClassTerms.named("others", 1).terms();

    private final Arrivals arrivals = new Arrivals(1000);
    private final SequenceList running = SequenceList.byPrecedence();
    private int starts;

    @Test
    void itsOwnFlowsPromptsAndThoseOfAnEarlierTurnGoBefore() {
        Flow own = start("own", OURS, 101).flow();
        Sequence other = start("other", OURS, 11);
        start("third", OTHERS, 1001);
        own.charge(5);
        RunningPrompts prompts = publish(own.classQueue(), 0, 0);
        assertThat(prompts.tokens()).isEqualTo(110);
        assertThat(prompts.tokensBefore(own, -1, 1)).isEqualTo(100);
        assertThat(prompts.tokensBefore(own, 0, 1)).isEqualTo(110);
        assertThat(prompts.tokensBefore(other.flow(), 0, 1)).isEqualTo(10);
        assertThat(prompts.tokensBefore(other.flow(), 5, 1)).isEqualTo(110);
    }

    @Test
    void whatWouldMissItsTargetGoesBeforeUnlessItIsLateInAnyCase() {
        Flow newcomer = arrivals.arrive(request().of("new").in(OURS)).flow();
        Sequence other = start("other", OURS, 101); // 100 ms of work, due in 1,000
        other.flow().charge(1);
        RunningPrompts prompts = publish(other.flow().classQueue(), MS, 0);
        assertThat(prompts.tokensBefore(newcomer, 0, 900)).isZero();
        assertThat(prompts.tokensBefore(newcomer, 0, 901)).isEqualTo(100);
        publish(other.flow().classQueue(), MS, 899 * MS);
        assertThat(prompts.tokensBefore(newcomer, 0, 2)).isEqualTo(100);
        publish(other.flow().classQueue(), MS, 901 * MS);
        assertThat(prompts.tokensBefore(newcomer, 0, 2)).isZero();
    }

    @Test
    void aFlowWantsMoreWhileItsPromptsAreComputed() {
        Sequence prompt = start("one", OURS, 101);
        publish(prompt.flow().classQueue(), 0, 0);
        assertThat(prompt.flow().isWanting(0)).isTrue();
        prompt.advance(100);
        publish(prompt.flow().classQueue(), 0, 0);
        assertThat(prompt.flow().isWanting(0)).isFalse();
    }

    @Test
    @Timeout(60)
    void readersSeeOneStepOrTheOtherWhileTheEngineWrites() throws Exception {
        ClassQueue queue = start("one", OURS, 11).flow().classQueue();
        for (int i = 0; i < 29; i++) start("one", OURS, 11);
        SequenceList few = SequenceList.byPrecedence();
        few.insert(running.get(0));
        RunningPrompts prompts = publish(queue, 0, 0);
        Flow nobody = arrivals.arrive(request().of("nobody").in(OURS)).flow();
        var done = new AtomicBoolean();
        try (var executor = Executors.newSingleThreadExecutor()) {
            Future<?> writer = executor.submit(() -> {
                for (int i = 0; !done.get(); i++) prompts.publish(queue, i % 2 == 0 ? few : running, 0, 0);
            });
            Flow throughout = running.get(0).flow();
            try {
                for (int i = 0; i < 100_000; i++) {
                    assertThat(prompts.tokensBefore(nobody, 0, 1)).isIn(10L, 300L);
                    assertThat(throughout.isWanting(0)).isTrue();
                }
            } finally {
                done.set(true);
            }
            writer.get();
        }
    }

    private RunningPrompts publish(ClassQueue queue, double tokenNs, long nowNs) {
        queue.prompts().publish(queue, running, tokenNs, nowNs);
        return queue.prompts();
    }

    private Sequence start(String tenant, TrafficClass trafficClass, int promptLength) {
        Sequence sequence =
                arrivals.arrive(request().of(tenant).in(trafficClass).promptLength(promptLength));
        sequence.start(0);
        sequence.setStartOrder(starts++);
        running.insert(sequence);
        return sequence;
    }
}
