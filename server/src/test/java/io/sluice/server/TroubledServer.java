package io.sluice.server;

import io.sluice.batching.ModelLimits;
import io.sluice.batching.ModelRunner;
import io.sluice.batching.StepPlan;
import io.sluice.batching.StepResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.locks.LockSupport;

/// `sluice serve` as users start it, with the demo model on the real runner, and trouble on demand: files in a folder
/// say what goes wrong. A program of its own, because processes end.
final class TroubledServer {
    static final String FOLDER = "sluice.test.trouble";
    static final String HANG = "hang"; // while the file is there, no step returns
    static final String LOSE = "lose"; // once the file is there, the device is lost

    private TroubledServer() {}

    public static void main(String[] arguments) {
        Path folder = Path.of(System.getProperty(FOLDER));
        System.exit(ServeCommand.commandLine(factory -> () -> new TroubledRunner(factory.create(), folder))
                .execute(arguments));
    }

    private record TroubledRunner(ModelRunner runner, Path folder) implements ModelRunner {
        @Override
        public ModelLimits limits() {
            return runner.limits();
        }

        @Override
        public InFlightStep launch(StepPlan plan) {
            InFlightStep step = runner.launch(plan);
            return () -> {
                StepResult result = step.await();
                while (Files.exists(folder.resolve(HANG))) LockSupport.parkNanos(1_000_000);
                if (Files.exists(folder.resolve(LOSE))) {
                    throw new DeviceLost("the device was taken away by a test", new IllegalStateException());
                }
                return result;
            };
        }

        @Override
        public void close() {
            runner.close();
        }
    }
}
