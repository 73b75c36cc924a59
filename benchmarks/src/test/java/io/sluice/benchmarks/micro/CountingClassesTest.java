package io.sluice.benchmarks.micro;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class CountingClassesTest {

    /// What is counted: loads, stores, additions, jumps, all of them.
    public static final class Loop {
        private Loop() {}

        public static int sumTo(int end) {
            int sum = 0;
            for (int i = 0; i < end; i++) sum += i;
            return sum;
        }
    }

    @Test
    void everyRoundOfALoopCountsTheSameAndTheResultIsTheSame() throws ReflectiveOperationException {
        Class<?> counting = new CountingClasses().loadClass(Loop.class.getName());
        assertThat(counting).isNotEqualTo(Loop.class);
        long of10 = counted(counting, 10);
        long of20 = counted(counting, 20);
        long of30 = counted(counting, 30);
        assertThat(of20 - of10).isEqualTo(of30 - of20).isPositive();
        // iload, iload, if_icmpge; iload, iload, iadd, istore; iinc; goto.
        assertThat(of20 - of10).isEqualTo(10 * 9);
    }

    private static long counted(Class<?> loop, int end) throws ReflectiveOperationException {
        long before = ExecutedInstructions.count;
        Object sum = loop.getMethod("sumTo", int.class).invoke(null, end);
        assertThat(sum).isEqualTo(Loop.sumTo(end));
        return ExecutedInstructions.count - before;
    }
}
