package io.sluice.server;

import io.sluice.batching.ModelLimits;
import io.sluice.batching.ModelRunner;
import io.sluice.batching.StepPlan;
import io.sluice.batching.StepResult;
import io.sluice.modelstore.ModelFiles;
import io.sluice.modelstore.ModelStore;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.concurrent.locks.LockSupport;

/// The server as it is, with a device that computes nothing: every step takes the same time and brings
/// every sequence a word. What is left is the frontend. A process of its own; its arguments are the number
/// of streams, the time of a step in microseconds, and the flags of `serve`. Lies in the server's package
/// to take the device's place.
public final class NullModelServer {
    private static final int BLOCK_SIZE = 16;

    /// Prompt and output of a stream.
    private static final int CONTEXT = 16_384;

    private NullModelServer() {}

    public static void main(String[] arguments) throws IOException {
        int streams = Integer.parseInt(arguments[0]);
        long stepNs = Long.parseLong(arguments[1]) * 1000;
        Path cache = Files.createTempDirectory("sluice-frontend");
        int[] words;
        int vocabulary;
        try (ModelFiles demo = ModelStore.openDemo(cache)) {
            words = demo.tokenizer().encode(" the little dog saw a big red ball and a small blue bird");
            vocabulary = demo.config().vocabSize();
        }
        int blocks = streams * Math.ceilDiv(4096, BLOCK_SIZE);
        var limits = new ModelLimits(blocks, BLOCK_SIZE, CONTEXT, 8 * streams + 8192, streams, vocabulary, 0);
        String[] flags = Arrays.copyOfRange(arguments, 2, arguments.length);
        System.exit(ServeCommand.commandLine(_ -> () -> new NullRunner(limits, words, stepNs))
                .execute(flags));
    }

    /// Engine thread only.
    private static final class NullRunner implements ModelRunner {
        private final ModelLimits limits;
        private final int[] words;
        private final long stepNs;
        private final StepResult result;
        private final InFlightStep step = this::await;
        private long nextNs = System.nanoTime();

        NullRunner(ModelLimits limits, int[] words, long stepNs) {
            this.limits = limits;
            this.words = words;
            this.stepNs = stepNs;
            result = new StepResult(limits.sequencesMax());
        }

        @Override
        public ModelLimits limits() {
            return limits;
        }

        @Override
        public InFlightStep launch(StepPlan plan) {
            for (int slice = 0; slice < plan.sliceCount(); slice++) {
                if (plan.samples(slice)) result.set(slice, words[plan.firstPosition(slice) % words.length], 0f);
            }
            return step;
        }

        /// Steps begin at their moments; one that is late does not hurry the next.
        private StepResult await() {
            nextNs = Math.max(nextNs + stepNs, System.nanoTime());
            while (true) {
                long leftNs = nextNs - System.nanoTime();
                if (leftNs <= 0) return result;
                LockSupport.parkNanos(leftNs);
            }
        }

        @Override
        public void close() {}
    }
}
