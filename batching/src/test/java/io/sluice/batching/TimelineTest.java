package io.sluice.batching;

import static io.sluice.batching.RequestBuilder.request;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class TimelineTest {
    private static final Timeline.Forecast FORECAST = new Timeline.Forecast(1, 2, 3, 4, 5);

    private final GenerationRequest request = request().build();
    private final Timeline timeline = new Timeline(request, 100, FORECAST);

    @Test
    void whatHasNotHappenedHasNoMoment() {
        assertThat(timeline.request()).isSameAs(request);
        assertThat(timeline.forecast()).isEqualTo(FORECAST);
        assertThat(timeline.admittedNs()).isEqualTo(100);
        assertThat(List.of(timeline.startedNs(), timeline.firstTokenNs(), timeline.endedNs()))
                .containsOnly(Timeline.NOT_YET);
    }

    @Test
    void theFirstStartAndTheFirstTokenCount() {
        timeline.start(200, 16);
        timeline.start(300, 99); // another choice, or the same one again
        timeline.firstToken(400);
        timeline.firstToken(500);
        timeline.end(600);
        assertThat(timeline.startedNs()).isEqualTo(200);
        assertThat(timeline.cachedTokens()).isEqualTo(16);
        assertThat(timeline.firstTokenNs()).isEqualTo(400);
        assertThat(timeline.endedNs()).isEqualTo(600);
    }

    @Test
    void whatItCostIsAddedUp() {
        timeline.countStep(10);
        timeline.countStep(1);
        timeline.countHeld(3, 1_000_000_000_000L); // no step is that long, but many are together
        timeline.countHeld(4, 1_000_000_000_000L);
        assertThat(timeline.steps()).isEqualTo(2);
        assertThat(timeline.computedTokens()).isEqualTo(11);
        assertThat(timeline.blockNs()).isEqualTo(7_000_000_000_000L);
    }

    @Test
    void whatHappenedToItIsCounted() {
        for (int i = 0; i < 3; i++) timeline.countPreemption();
        for (int i = 0; i < 2; i++) timeline.countPark();
        timeline.countPause();
        assertThat(timeline.preemptions()).isEqualTo(3);
        assertThat(timeline.parks()).isEqualTo(2);
        assertThat(timeline.pauses()).isEqualTo(1);
    }

    @Test
    void theEngineTellsWhatItDid() {
        var harness = new SchedulerHarness(new ModelLimits(16, 4, 64, 32, 4, 1000, 0), 4);
        harness.stepNs = 10;
        harness.nowNs = 100;
        Timeline told =
                harness.admit(request().promptLength(6).maxNewTokens(3).build()).timeline();
        harness.nowNs = 150;
        for (int i = 0; i < 4; i++) harness.step();
        assertThat(told.admittedNs()).isEqualTo(100);
        assertThat(told.startedNs()).isEqualTo(150);
        assertThat(told.firstTokenNs()).isEqualTo(170); // its prompt took two steps
        assertThat(told.endedNs()).isEqualTo(190);
        assertThat(told.steps()).isEqualTo(4);
        assertThat(told.computedTokens()).isEqualTo(6 + 2); // the last token is not computed
        assertThat(told.blockNs()).isEqualTo(10 * (1 + 2 + 2 + 2));
        assertThat(told.cachedTokens()).isZero();
        Timeline again = harness.admit(request().promptLength(6).build()).timeline();
        harness.step();
        assertThat(again.cachedTokens()).isEqualTo(4);
        assertThat(again.computedTokens()).isEqualTo(2);
    }
}
