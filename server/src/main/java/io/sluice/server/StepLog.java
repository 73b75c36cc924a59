package io.sluice.server;

import io.sluice.batching.ModelLimits;
import io.sluice.batching.ModelRunner;
import io.sluice.batching.RecordedRunner;
import io.sluice.batching.StepRecord;
import io.sluice.server.settings.SettingsException;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/// Writes down what each step of an engine computed and how long it took. The engine thread hands lines over; a
/// thread of its own writes, so that the engine never waits for a disk. Lines that the disk is too slow for are left
/// out and counted in the last line.
final class StepLog implements RecordedRunner.Recorder {
    private static final System.Logger LOG = System.getLogger(StepLog.class.getName());

    /// Some seconds of the shortest steps; a megabyte.
    private static final int LINES_MAX = 16_384;

    private static final long LAST_LINES_MS = 5_000; // that a disk has for them when the engine ends

    private final ArrayBlockingQueue<StepRecord> lines = new ArrayBlockingQueue<>(LINES_MAX);
    private final AtomicLong lost = new AtomicLong();
    private final Thread writer;
    private volatile boolean closing;

    private StepLog(BufferedWriter out) {
        writer = Thread.ofPlatform().name("step-log").daemon().start(() -> write(out));
    }

    /// A runner whose steps are written to `file`, which is replaced.
    static ModelRunner.Factory around(ModelRunner.Factory factory, Path file, String model) {
        BufferedWriter out;
        try {
            out = Files.newBufferedWriter(file);
        } catch (IOException e) {
            throw new SettingsException("step-log is " + file + ", which cannot be written: " + e.getMessage()
                    + "; name a file in a folder that exists");
        }
        return () -> {
            ModelRunner runner = factory.create();
            try {
                out.write(head(runner.limits(), model));
            } catch (IOException e) {
                LOG.log(System.Logger.Level.WARNING, "the step log cannot be written", e);
            }
            return new RecordedRunner(runner, new StepLog(out));
        };
    }

    private static String head(ModelLimits limits, String model) {
        return "# sluice step log 1, model " + model + "\n# limits " + limits.blockCount() + " " + limits.blockSize()
                + " "
                + limits.contextMax() + " " + limits.stepTokensMax() + " " + limits.sequencesMax() + " "
                + limits.vocabSize() + " " + limits.hostBlockCount()
                + "\nat_us,us,host_us,writing,prompts,prompt_tokens,sampled,writing_context,prompt_context,prompt_pairs,"
                + "copies\n";
    }

    @Override
    public void took(StepRecord step) {
        if (!lines.offer(step)) lost.incrementAndGet();
    }

    private void write(BufferedWriter out) {
        try (out) {
            while (true) {
                boolean last = closing;
                StepRecord line = last ? lines.poll() : lines.poll(1, TimeUnit.SECONDS);
                if (line != null) out.write(text(line));
                else if (last) break;
                else out.flush(); // somebody may be looking
            }
            if (lost.get() > 0) out.write("# lost " + lost.get() + "\n");
        } catch (IOException e) {
            LOG.log(System.Logger.Level.WARNING, "the step log cannot be written any further", e);
        } catch (InterruptedException e) {
            // The end, and there is nothing left that is worth to wait for.
        }
    }

    private static String text(StepRecord line) {
        return line.atUs() + "," + line.us() + "," + line.hostUs() + "," + line.writing() + "," + line.prompts() + ","
                + line.promptTokens() + "," + line.sampled() + "," + line.writingContext() + ","
                + line.promptContext() + "," + line.promptPairs() + "," + line.copies() + "\n";
    }

    /// Waits for the last lines, and for a writer that a full disk has ended not at all.
    @Override
    public void close() {
        closing = true;
        try {
            writer.join(LAST_LINES_MS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
