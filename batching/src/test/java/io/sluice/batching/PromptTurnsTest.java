package io.sluice.batching;

import static io.sluice.batching.RequestBuilder.request;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class PromptTurnsTest {
    private static final TrafficClass HIGH = ClassTerms.named("high", 0).terms();
    private static final TrafficClass LOW = ClassTerms.named("low", 1).terms();
    private static final int PROMPT = 100;

    private final Arrivals arrivals = new Arrivals(1000);
    private final SequenceList running = SequenceList.byPrecedence();
    private int starts;

    @Test
    void whoHasHadLessComesFirstHoweverEarlyTheOthersCame() {
        Sequence early = start("heavy", LOW);
        Sequence late = start("light", LOW);
        early.flow().charge(10);
        assertThat(turns()).containsExactly(late, early);
    }

    @Test
    void whatAPromptItselfHasCostDoesNotSetItBack() {
        Sequence begun = start("one", LOW);
        Sequence other = start("other", LOW);
        other.flow().charge(10);
        compute(begun, 50);
        assertThat(turns()).containsExactly(begun, other);
        begun.flow().charge(11); // what others of its tenant have cost does
        assertThat(turns()).containsExactly(other, begun);
    }

    @Test
    void cachedTokensCountAsNoCost() {
        Sequence cached = arrive("one", LOW);
        cached.start(50);
        cached.chargeUpTo(50); // as it starts, nothing is charged to its flow
        started(cached);
        Sequence other = start("other", LOW);
        other.flow().charge(10);
        assertThat(turns()).containsExactly(cached, other);
        cached.flow().charge(11);
        assertThat(turns()).containsExactly(other, cached);
    }

    @Test
    void rankGoesBeforeVirtualTime() {
        Sequence low = start("one", LOW);
        Sequence high = start("other", HIGH);
        high.flow().charge(1000);
        assertThat(turns()).containsExactly(high, low);
    }

    @Test
    void oneTenantsPromptsGoInTheOrderOfTheirStarts() {
        Sequence first = start("one", LOW);
        Sequence second = start("one", LOW);
        compute(first, 50);
        assertThat(turns()).containsExactly(first, second);
    }

    @Test
    void whoOnlyWritesOrWaitsForItsReaderHasNoTurn() {
        Sequence writing = start("one", LOW);
        compute(writing, PROMPT - 1);
        Sequence paused = start("one", LOW);
        paused.pause(0);
        Sequence prompt = start("one", LOW);
        assertThat(turns()).containsExactly(prompt);
        prompt.pause(0);
        assertThat(turns()).isEmpty();
    }

    private Sequence arrive(String tenant, TrafficClass trafficClass) {
        return arrivals.arrive(request().of(tenant).in(trafficClass).promptLength(PROMPT));
    }

    private Sequence start(String tenant, TrafficClass trafficClass) {
        Sequence sequence = arrive(tenant, trafficClass);
        sequence.start(0);
        started(sequence);
        return sequence;
    }

    private void started(Sequence sequence) {
        sequence.setStartOrder(starts++);
        running.insert(sequence);
    }

    /// Computes tokens of a prompt, which its flow pays.
    private static void compute(Sequence sequence, int count) {
        sequence.advance(count);
        sequence.flow().charge(sequence.chargeUpTo(sequence.computed()));
    }

    private final PromptTurns turns = new PromptTurns();

    private List<Sequence> turns() {
        turns.collect(running);
        var inTurn = new ArrayList<Sequence>();
        for (int i = 0; i < turns.size(); i++) inTurn.add(turns.get(i));
        return inTurn;
    }
}
