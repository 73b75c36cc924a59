package io.sluice.server;

import io.sluice.batching.ModelLimits;
import io.sluice.batching.ModelRunner;
import io.sluice.batching.StepPlan;
import io.sluice.batching.StepResult;
import io.sluice.server.settings.SettingsException;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/// Stands between an engine and its runner and writes down what each step computed and how long it took.
/// The engine thread measures; a thread of its own writes, so that the engine never waits for a disk. Lines
/// that the disk is too slow for are left out and counted in the last line.
final class StepLog implements ModelRunner {
    private static final System.Logger LOG = System.getLogger(StepLog.class.getName());

    /// Some seconds of the shortest steps; a megabyte.
    private static final int LINES_MAX = 16_384;

    private static final Line END = new Line(-1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);

    private final ModelRunner runner;
    private final ArrayBlockingQueue<Line> lines = new ArrayBlockingQueue<>(LINES_MAX);
    private final AtomicLong lost = new AtomicLong();
    private final Thread writer;
    private final long startNs = System.nanoTime();
    private long endNs = startNs; // of the latest step

    /// One step. A value.
    ///
    /// @param atUs when it began, since the log did
    /// @param us from its launch to its result
    /// @param hostUs from the result before to its launch; long if there was nothing to do
    /// @param writing sequences that write, a token each; who has guesses counts with the others
    /// @param promptTokens of the others
    /// @param sampled tokens that were chosen, or would have been if all guesses were right
    /// @param writingContext tokens that those who write looked back at
    /// @param promptContext tokens before the prompts' parts, summed over the parts
    /// @param promptPairs pairs of a prompt token and one before it
    private record Line(
            long atUs,
            long us,
            long hostUs,
            int writing,
            int prompts,
            int promptTokens,
            int sampled,
            long writingContext,
            long promptContext,
            long promptPairs,
            int copies) {}

    private StepLog(ModelRunner runner, BufferedWriter out) {
        this.runner = runner;
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
            return new StepLog(runner, out);
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
        Line counted = counted(plan, (launchNs - startNs) / 1000);
        InFlightStep step = runner.launch(plan);
        return () -> {
            StepResult result = step.await();
            long nowNs = System.nanoTime();
            // A step that follows one under way begins, for the device, when that one has ended.
            long beginNs = Math.max(launchNs, endNs);
            put(counted, (nowNs - beginNs) / 1000, Math.max(0, launchNs - endNs) / 1000);
            endNs = nowNs;
            return result;
        };
    }

    private static Line counted(StepPlan plan, long atUs) {
        int writing = 0;
        int prompts = 0;
        int promptTokens = 0;
        int sampled = 0;
        long writingContext = 0;
        long promptContext = 0;
        long promptPairs = 0;
        for (int slice = 0; slice < plan.sliceCount(); slice++) {
            int first = plan.firstPosition(slice);
            int length = plan.length(slice);
            sampled += plan.sampleCount(slice);
            if (plan.samples(slice) && length == 1) {
                writing++;
                writingContext += first + 1;
            } else {
                prompts++;
                promptTokens += length;
                promptContext += first + length;
                promptPairs += (long) length * first + (long) length * (length + 1) / 2;
            }
        }
        int copies = plan.copiesInCount() + plan.copiesOutCount();
        return new Line(
                atUs,
                0,
                0,
                writing,
                prompts,
                promptTokens,
                sampled,
                writingContext,
                promptContext,
                promptPairs,
                copies);
    }

    private void put(Line it, long us, long hostUs) {
        boolean taken = lines.offer(new Line(
                it.atUs,
                us,
                hostUs,
                it.writing,
                it.prompts,
                it.promptTokens,
                it.sampled,
                it.writingContext,
                it.promptContext,
                it.promptPairs,
                it.copies));
        if (!taken) lost.incrementAndGet();
    }

    private void write(BufferedWriter out) {
        try (out) {
            while (true) {
                Line line = lines.poll(1, TimeUnit.SECONDS);
                if (line == null) {
                    out.flush(); // somebody may be looking
                    continue;
                }
                if (line.atUs < 0) break;
                out.write(line.atUs + "," + line.us + "," + line.hostUs + "," + line.writing + "," + line.prompts + ","
                        + line.promptTokens + "," + line.sampled + "," + line.writingContext + "," + line.promptContext
                        + "," + line.promptPairs + "," + line.copies + "\n");
            }
            if (lost.get() > 0) out.write("# lost " + lost.get() + "\n");
        } catch (IOException e) {
            LOG.log(System.Logger.Level.WARNING, "the step log cannot be written any further", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void close() {
        try {
            lines.put(END);
            writer.join(5_000);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            runner.close();
        }
    }
}
