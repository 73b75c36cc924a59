package io.sluice.server.access;

import static org.assertj.core.api.Assertions.assertThat;

import io.helidon.http.HeaderNames;
import io.helidon.http.ServerRequestHeaders;
import io.helidon.http.WritableHeaders;
import io.sluice.batching.Attempt;
import io.sluice.server.policy.Policy;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// How a client says that it was refused before.
class RetryCountTest {
    @Test
    void whoWasRefusedBeforeComesAgain() {
        assertThat(attempt("1")).isEqualTo(Attempt.AGAIN);
        assertThat(attempt(" 12 ")).isEqualTo(Attempt.AGAIN);
    }

    @ParameterizedTest
    @ValueSource(strings = {"0", "", "-1", "one", "1.5", "99999999999999999999"})
    void anythingElseSaysNothing(String count) {
        assertThat(attempt(count)).isEqualTo(Attempt.FIRST);
    }

    @Test
    void whoSaysNothingComesForTheFirstTime() {
        assertThat(attempt(WritableHeaders.create())).isEqualTo(Attempt.FIRST);
    }

    private static Attempt attempt(String count) {
        WritableHeaders<?> headers = WritableHeaders.create();
        headers.add(HeaderNames.create("X-Stainless-Retry-Count"), count);
        return attempt(headers);
    }

    private static Attempt attempt(WritableHeaders<?> headers) {
        Policy policy = Policy.USUAL;
        return CallerHeaders.parse(ServerRequestHeaders.create(headers), Optional.empty(), policy, policy.terms("a"))
                .attempt();
    }
}
