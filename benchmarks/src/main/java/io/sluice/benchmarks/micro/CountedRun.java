package io.sluice.benchmarks.micro;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.util.Locale;

/// Counts what each part allocates and executes, and prints a line for each: its name, bytes and instructions of one
/// operation, between tabs. A process of its own.
public final class CountedRun {
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    /// Tables grow and classes are loaded in the first runs.
    private static final int WARM_UPS = 20;

    private static final int RUNS = 20;

    private CountedRun() {}

    public static void main(String[] arguments) throws Exception {
        var counting = new CountingClasses();
        counting.loadClass(CountedRun.class.getName()).getMethod("count").invoke(null);
    }

    /// Of this class as `CountingClasses` loads it, `main` being of the plain one.
    @SuppressWarnings("SystemOut") // what the process is for
    public static void count() throws Exception {
        for (CountedPart part : CountedPart.ALL) {
            CountedPart.Work work = part.preparation().prepare();
            for (int i = 0; i < WARM_UPS; i++) run(work);
            long bytes = 0;
            long instructions = 0;
            for (int i = 0; i < RUNS; i++) {
                if (work instanceof CountedPart.Prepared prepared) prepared.prepareRun();
                long bytesBefore = THREADS.getCurrentThreadAllocatedBytes();
                long before = ExecutedInstructions.count;
                work.run();
                instructions += ExecutedInstructions.count - before;
                bytes += THREADS.getCurrentThreadAllocatedBytes() - bytesBefore;
            }
            double operations = (double) RUNS * part.operations();
            System.out.printf(
                    Locale.ROOT, "%s\t%.1f\t%.1f%n", part.name(), bytes / operations, instructions / operations);
        }
        System.exit(0); // some parts have threads of their own
    }

    private static void run(CountedPart.Work work) throws Exception {
        if (work instanceof CountedPart.Prepared prepared) prepared.prepareRun();
        work.run();
    }
}
