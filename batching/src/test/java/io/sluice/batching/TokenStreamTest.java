package io.sluice.batching;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class TokenStreamTest {
    private static final Duration LONG = Duration.ofSeconds(30);
    private final AtomicInteger wakes = new AtomicInteger();
    private final StepResult result = new StepResult(1);

    @Test
    void tokensAndAlternativesStayReadableWhileTheStreamGrows() {
        var stream = new TokenStream(1000, 2, wakes::incrementAndGet);
        for (int i = 0; i < 1000; i++) {
            result.set(0, i, -i);
            result.addTop(0, i, -i);
            result.addTop(0, i + 1, -i - 1f);
            result.addTop(0, i + 2, -i - 2f); // more than was asked for
            stream.append(i, result, 0, 0);
            int looked = i / 2;
            assertThat(stream.token(looked)).isEqualTo(looked);
        }
        assertThat(stream.count()).isEqualTo(1000);
        assertThat(stream.logprob(999)).isEqualTo(-999f);
        assertThat(stream.topCount(31)).isEqualTo(2);
        assertThat(stream.topToken(31, 1)).isEqualTo(32);
        assertThat(stream.topLogprob(500, 1)).isEqualTo(-501f);
    }

    @Test
    void aStreamEndsOnceAndTakesNothingAfterwards() {
        var stream = new TokenStream(2, SamplingParams.NO_LOGPROBS, wakes::incrementAndGet);
        var ending = new TokenStream.Ending(FinishReason.STOP, "", 1, 0, 1);
        stream.end(ending);
        assertThat(stream.ending()).contains(ending);
        assertThatThrownBy(() -> stream.end(ending)).isInstanceOf(Invariant.Broken.class);
        assertThatThrownBy(() -> stream.append(1, result, 0, 0)).isInstanceOf(Invariant.Broken.class);
    }

    @Test
    void moreTokensThanAskedForIsABug() {
        var stream = new TokenStream(1, SamplingParams.NO_LOGPROBS, wakes::incrementAndGet);
        stream.append(1, result, 0, 0);
        assertThatThrownBy(() -> stream.append(1, result, 0, 0)).isInstanceOf(Invariant.Broken.class);
    }

    @Test
    void cancellingTwiceWakesTheEngineOnceAndAfterTheEndNever() {
        var stream = new TokenStream(1, SamplingParams.NO_LOGPROBS, wakes::incrementAndGet);
        stream.cancel();
        stream.cancel();
        assertThat(stream.isCancelled()).isTrue();
        assertThat(wakes).hasValue(1);
        var ended = new TokenStream(1, SamplingParams.NO_LOGPROBS, wakes::incrementAndGet);
        ended.end(new TokenStream.Ending(FinishReason.STOP, "", 1, 0, 1));
        ended.cancel();
        assertThat(wakes).hasValue(1);
    }

    @Test
    void aReaderWithoutPatienceGetsWhatThereIs() throws InterruptedException {
        var stream = new TokenStream(5, SamplingParams.NO_LOGPROBS, wakes::incrementAndGet);
        assertThat(stream.await(0, Duration.ZERO)).isZero();
        stream.append(1, result, 0, 0);
        assertThat(stream.await(0, LONG)).isEqualTo(1);
    }

    @Test
    void aSleepingReaderIsWokenByTokensAndByTheEnd() throws InterruptedException {
        var stream = new TokenStream(100_000, SamplingParams.NO_LOGPROBS, wakes::incrementAndGet);
        var read = new AtomicInteger();
        Thread reader = Thread.ofVirtual().start(() -> {
            try {
                int seen = 0;
                while (stream.ending().isEmpty()) seen = stream.await(seen, LONG);
                for (int i = 0; i < stream.count(); i++) read.addAndGet(stream.token(i) == i ? 1 : 0);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
        for (int i = 0; i < 100_000; i++) {
            stream.append(i, result, 0, 0);
            stream.wake();
        }
        stream.end(new TokenStream.Ending(FinishReason.LENGTH, "", 1, 0, 100_000));
        stream.wake();
        reader.join();
        assertThat(read).hasValue(100_000);
    }

    @Test
    void anInterruptedReaderIsTold() {
        var stream = new TokenStream(5, SamplingParams.NO_LOGPROBS, wakes::incrementAndGet);
        Thread.currentThread().interrupt();
        assertThatThrownBy(() -> stream.await(0, LONG)).isInstanceOf(InterruptedException.class);
    }
}
