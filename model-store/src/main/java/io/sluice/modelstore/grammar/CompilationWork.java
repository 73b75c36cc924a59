package io.sluice.modelstore.grammar;

import java.util.List;
import java.util.function.Supplier;

/// Counts the steps of one compilation and refuses it when they are too many: limits of its parts multiply, and
/// a thread and a share of the cores must not be held by whoever finds out how. Each compilation has a thread.
final class CompilationWork {
    private static final ScopedValue<CompilationWork> CURRENT = ScopedValue.newInstance();

    /// Made before anything is counted: what is made once for all must not fail for want of one request's steps.
    private static final List<Object> CONSTANTS = List.of(JsonText.NUMBER, RegexClasses.NO_LINE_END);

    private long left = GrammarLimits.COMPILATION_WORK_MAX;

    private CompilationWork() {}

    /// Runs `compilation`, which is refused with a `GrammarException` if it takes too many steps.
    static <T> T bounded(Supplier<T> compilation) {
        if (CONSTANTS.isEmpty()) throw new IllegalStateException("constants have to be made");
        return ScopedValue.where(CURRENT, new CompilationWork()).call(compilation::get);
    }

    /// Counts `steps`, of some nanoseconds each; outside of a compilation does nothing.
    static void spend(long steps) {
        if (!CURRENT.isBound()) return;
        CompilationWork work = CURRENT.get();
        work.left -= steps;
        if (work.left < 0) throw GrammarLimits.over("steps of compilation", GrammarLimits.COMPILATION_WORK_MAX);
    }
}
