package io.sluice.modelstore.grammar;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class GrammarCacheTest {
    private final AtomicInteger vocabularies = new AtomicInteger();
    private final GrammarCache cache = new GrammarCache(() -> {
        vocabularies.incrementAndGet();
        return Vocabularies.SMALL;
    });

    @Test
    void equalStructuresAreCompiledOnceHoweverManyAskAtTheSameTime() throws Exception {
        List<Callable<CompiledGrammar>> askers = new ArrayList<>();
        for (int i = 0; i < 16; i++) askers.add(() -> cache.get(new Structure.Matching("[a-z]{3}")));
        try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
            CompiledGrammar first = cache.get(new Structure.Matching("[a-z]{3}"));
            for (Future<CompiledGrammar> answer : threads.invokeAll(askers))
                assertThat(answer.get()).isSameAs(first);
        }
        assertThat(vocabularies).hasValue(1);
        assertThat(cache.size()).isEqualTo(1);
    }

    @Test
    void aMistakeIsToldEveryTimeAndTakesNoRoom() {
        for (int i = 0; i < 3; i++) {
            assertThatThrownBy(() -> cache.get(new Structure.Matching("(a"))).isInstanceOf(GrammarException.class);
        }
        assertThat(cache.size()).isZero();
    }

    @Test
    void whatNobodyAsksForAnyMoreMakesRoom() {
        CompiledGrammar first = cache.get(new Structure.Matching("first"));
        Structure used = new Structure.Matching("used");
        CompiledGrammar kept = cache.get(used);
        for (int i = 0; i < 600; i++) {
            cache.get(new Structure.Matching("x" + i));
            assertThat(cache.get(used)).isSameAs(kept);
        }
        assertThat(cache.size()).isEqualTo(512);
        assertThat(cache.get(new Structure.Matching("first"))).isNotSameAs(first);
    }
}
