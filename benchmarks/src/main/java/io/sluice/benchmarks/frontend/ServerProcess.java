package io.sluice.benchmarks.frontend;

import java.io.IOException;
import java.net.ConnectException;
import java.net.HttpURLConnection;
import java.net.ServerSocket;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/// A server in a process of its own, from the classes of this one. Main thread.
public final class ServerProcess implements AutoCloseable {
    private static final Duration START_MAX = Duration.ofMinutes(2);
    private static final Duration STOP_MAX = Duration.ofSeconds(20);
    private static final int ANSWER_MAX_MS = 5000;
    private static final int LOOK_MS = 100;

    /// What the launcher starts it with.
    private static final List<String> FLAGS = List.of(
            "-XX:+UseCompactObjectHeaders",
            "-XX:+ExitOnOutOfMemoryError",
            "--enable-native-access=ALL-UNNAMED",
            "--sun-misc-unsafe-memory-access=allow");

    private final Process process;
    private final int port;

    private ServerProcess(Process process, int port) {
        this.process = process;
        this.port = port;
    }

    /// What is started. A value.
    ///
    /// @param cores that it may use, as `taskset` writes them; empty for all
    /// @param flags of Java, besides the launcher's
    /// @param main the class
    /// @param arguments of it; `--port` is added
    /// @param log takes what it says
    public record Plan(String cores, List<String> flags, String main, List<String> arguments, Path log) {
        public Plan {
            flags = List.copyOf(flags);
            arguments = List.copyOf(arguments);
        }
    }

    /// Starts it and waits until it takes requests.
    ///
    /// @throws IOException with the end of its log if it does not come up
    public static ServerProcess start(Plan plan) throws IOException, InterruptedException {
        int port = freePort();
        List<String> command = new ArrayList<>();
        if (!plan.cores().isEmpty()) command.addAll(List.of("taskset", "-c", plan.cores()));
        command.add(java("java").toString());
        command.addAll(FLAGS);
        command.addAll(plan.flags());
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), plan.main()));
        command.addAll(plan.arguments());
        command.addAll(List.of("--port", Integer.toString(port), "--admin-port", "off"));
        Process process = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(plan.log().toFile())
                .start();
        var server = new ServerProcess(process, port);
        try {
            server.awaitReady(plan.log());
        } catch (IOException | InterruptedException | RuntimeException e) {
            server.close();
            throw e;
        }
        return server;
    }

    /// A program of the Java runtime that this process runs on.
    static Path java(String program) {
        return Path.of(System.getProperty("java.home"), "bin", program);
    }

    private static int freePort() throws IOException {
        try (ServerSocket free = new ServerSocket(0)) {
            return free.getLocalPort();
        }
    }

    private void awaitReady(Path log) throws IOException, InterruptedException {
        long endNs = System.nanoTime() + START_MAX.toNanos();
        while (System.nanoTime() < endNs && process.isAlive()) {
            if (isReady()) return;
            Thread.sleep(LOOK_MS); // a process of its own tells nobody when it is ready
        }
        List<String> said = Files.readAllLines(log, StandardCharsets.UTF_8);
        throw new IOException("the server did not start; it said: "
                + String.join(" | ", said.subList(Math.max(0, said.size() - 5), said.size())));
    }

    private boolean isReady() throws IOException {
        var connection =
                (HttpURLConnection) URI.create(url() + "/readyz").toURL().openConnection();
        connection.setConnectTimeout(ANSWER_MAX_MS);
        connection.setReadTimeout(ANSWER_MAX_MS);
        try {
            return connection.getResponseCode() == 200;
        } catch (ConnectException | SocketTimeoutException e) {
            return false;
        } finally {
            connection.disconnect();
        }
    }

    public String url() {
        return "http://127.0.0.1:" + port;
    }

    int port() {
        return port;
    }

    boolean isAlive() {
        return process.isAlive();
    }

    /// Processor time that it has used.
    long cpuNs() {
        return process.info().totalCpuDuration().map(Duration::toNanos).orElse(0L);
    }

    /// Memory of it that is in the machine's; -1 where the system does not tell.
    long residentBytes() {
        try {
            return Files.readAllLines(Path.of("/proc", Long.toString(process.pid()), "status")).stream()
                    .filter(line -> line.startsWith("VmRSS:"))
                    .mapToLong(line -> Long.parseLong(line.replaceAll("[^0-9]", "")) << 10)
                    .findFirst()
                    .orElse(-1);
        } catch (IOException e) {
            return -1;
        }
    }

    /// The heap that is in use after a full collection, which this causes; -1 if the runtime has no `jcmd`.
    long liveHeapBytes() throws IOException, InterruptedException {
        if (!Files.isExecutable(java("jcmd"))) return -1;
        command("GC.run");
        long kilobytes = 0;
        for (String line : command("GC.heap_info")) {
            // "garbage-first heap   total 262144K, used 81920K" of G1; "tenured" and "def new generation" of Serial
            int used = line.indexOf(" used ");
            if (used < 0 || !line.contains("total ") || line.contains("Metaspace")) continue;
            kilobytes +=
                    Long.parseLong(line.substring(used).replaceAll("K.*", "").replaceAll("[^0-9]", ""));
        }
        return kilobytes << 10;
    }

    /// Writes its flight recording down now: a server that is stopped may not get to it.
    void dumpRecording(Path file) throws IOException, InterruptedException {
        if (Files.isExecutable(java("jcmd"))) command("JFR.dump filename=" + file.toAbsolutePath());
    }

    private List<String> command(String what) throws IOException, InterruptedException {
        Process asking = new ProcessBuilder(java("jcmd").toString(), Long.toString(process.pid()), what)
                .redirectErrorStream(true)
                .start();
        List<String> lines;
        try (var said = asking.inputReader(StandardCharsets.UTF_8)) {
            lines = said.lines().toList();
        }
        asking.waitFor();
        return lines;
    }

    @Override
    public void close() {
        process.destroy();
        try {
            if (process.waitFor(STOP_MAX.toSeconds(), TimeUnit.SECONDS)) return;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        process.destroyForcibly();
    }
}
