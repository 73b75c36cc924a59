package io.sluice.device;

import java.util.Arrays;

/// How long work takes on a CUDA device, by the device's own clock. The device's thread.
final class CudaStopwatch implements AutoCloseable {
    private final CudaDevice device;
    private final long[] events;

    /// @param runs that a median is of
    CudaStopwatch(CudaDevice device, int runs) {
        this.device = device;
        events = new long[runs + 1];
        for (int i = 0; i < events.length; i++) events[i] = device.openEvent();
    }

    /// Work that can be queued again and again.
    @FunctionalInterface
    interface Work {
        /// Queues it once more.
        ///
        /// @param run counts from 0; -1 warms up
        void queue(int run);
    }

    /// Milliseconds of the median run, after one that warms up.
    double median(Work work) {
        work.queue(-1);
        for (int run = 0; run < events.length - 1; run++) {
            device.record(events[run]);
            work.queue(run);
        }
        device.record(events[events.length - 1]);
        device.await();
        double[] milliseconds = new double[events.length - 1];
        for (int run = 0; run < milliseconds.length; run++) {
            milliseconds[run] = device.milliseconds(events[run], events[run + 1]);
        }
        Arrays.sort(milliseconds);
        return milliseconds[milliseconds.length / 2];
    }

    @Override
    public void close() {
        for (long event : events) device.closeEvent(event);
    }
}
