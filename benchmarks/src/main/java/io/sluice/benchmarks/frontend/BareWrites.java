package io.sluice.benchmarks.frontend;

import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/// What the system alone takes for events that are flushed one by one: a thread that does nothing but write
/// ready bytes to each of many connections in turn. No server that makes a system call for each event can
/// send more. Main thread.
final class BareWrites {
    private static final int EVENT_BYTES = 218; // of a chat's token, in its chunk
    private static final int BACKLOG = 4096;

    private final ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private final int streams;
    private final Duration step;
    private final Duration span;
    private volatile long writes;
    private volatile long cpuNs;
    private volatile @Nullable IOException failure;

    /// @param step every stream gets an event so often
    BareWrites(int streams, Duration step, Duration span) {
        this.streams = streams;
        this.step = step;
        this.span = span;
    }

    /// Events that one processor could write each second.
    double eventsPerCpuSecond() throws IOException, InterruptedException {
        try (ServerSocketChannel listener = ServerSocketChannel.open()) {
            listener.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), BACKLOG);
            Thread writer = Thread.ofPlatform().start(() -> write(listener));
            int port = ((InetSocketAddress) listener.getLocalAddress()).getPort();
            try (var sink = new RawSink(port, "none", 1)) {
                sink.open(streams);
                writer.join();
            }
            IOException broken = failure;
            if (broken != null) throw broken;
            return writes * 1e9 / cpuNs;
        }
    }

    private void write(ServerSocketChannel listener) {
        List<SocketChannel> channels = new ArrayList<>();
        try {
            for (int i = 0; i < streams; i++) {
                SocketChannel channel = listener.accept();
                channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
                channels.add(channel);
            }
            writeTo(channels);
        } catch (IOException e) {
            failure = e;
        } finally {
            for (SocketChannel channel : channels) close(channel);
        }
    }

    private void close(SocketChannel channel) {
        try {
            channel.close();
        } catch (IOException e) {
            failure = e;
        }
    }

    private void writeTo(List<SocketChannel> channels) throws IOException {
        byte[] event = new byte[EVENT_BYTES];
        byte[] begin = "data: ".getBytes(StandardCharsets.US_ASCII);
        System.arraycopy(begin, 0, event, 0, begin.length);
        event[EVENT_BYTES - 2] = '\n';
        event[EVENT_BYTES - 1] = '\n';
        ByteBuffer buffer = ByteBuffer.allocateDirect(EVENT_BYTES).put(event).flip();
        long endNs = System.nanoTime() + span.toNanos();
        long nextNs = System.nanoTime();
        long startCpuNs = threads.getCurrentThreadCpuTime();
        long count = 0;
        while (System.nanoTime() < endNs) {
            for (SocketChannel channel : channels) {
                channel.write(buffer.rewind());
                count++;
            }
            nextNs = Math.max(nextNs + step.toNanos(), System.nanoTime());
            while (Math.min(nextNs, endNs) > System.nanoTime()) LockSupport.parkNanos(nextNs - System.nanoTime());
        }
        cpuNs = threads.getCurrentThreadCpuTime() - startCpuNs;
        writes = count;
    }
}
