package io.sluice.batching;

/// Stands between an engine and its runner and tells of each step that succeeded what it computed and how long it
/// took. Engine thread only, as any runner.
public final class RecordedRunner implements ModelRunner {
    private final ModelRunner runner;
    private final Recorder recorder;
    private final long startNs = System.nanoTime();
    private long endNs = startNs; // of the latest step

    /// Who is told.
    public interface Recorder extends AutoCloseable {

        /// On the engine thread, which must not wait.
        void took(StepRecord step);

        /// There are no more.
        @Override
        void close();
    }

    /// Takes both over.
    public RecordedRunner(ModelRunner runner, Recorder recorder) {
        this.runner = runner;
        this.recorder = recorder;
    }

    @Override
    public ModelLimits limits() {
        return runner.limits();
    }

    @Override
    public boolean canReport() {
        return runner.canReport();
    }

    @Override
    public boolean canFeed() {
        return runner.canFeed();
    }

    @Override
    public int proposedMax() {
        return runner.proposedMax();
    }

    @Override
    public InFlightStep launch(StepPlan plan) {
        long launchNs = System.nanoTime();
        InFlightStep step = runner.launch(plan);
        return () -> {
            StepResult result = step.await();
            long nowNs = System.nanoTime();
            // A step that follows one under way begins, for the device, when that one has ended.
            long beginNs = Math.max(launchNs, endNs);
            long hostNs = Math.max(0, launchNs - endNs);
            recorder.took(StepRecord.of(plan, (launchNs - startNs) / 1000, (nowNs - beginNs) / 1000, hostNs / 1000));
            endNs = nowNs;
            return result;
        };
    }

    @Override
    public void close() {
        try (runner) {
            recorder.close();
        }
    }
}
