package io.sluice.server;

import static java.lang.System.Logger.Level.INFO;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Proxy;
import java.util.Map;
import java.util.function.IntConsumer;

/// Notices that the process is told to stop while it is stopping: the virtual machine itself acts on the first signal
/// alone. The class that Java has for it, `sun.misc.Signal`, is called by name, because the compiler warns of it. Any
/// thread.
final class SecondSignal {
    private static final System.Logger LOG = System.getLogger(SecondSignal.class.getName());

    /// Signals that ask a process to stop, with the exit codes by which shells know them.
    private static final Map<String, Integer> EXIT_CODES = Map.of("INT", 130, "TERM", 143);

    private SecondSignal() {}

    /// From now on SIGTERM and Ctrl-C do `end`, with the exit code that tells which it was.
    static void onNext(IntConsumer end) {
        EXIT_CODES.forEach((name, exitCode) -> handle(name, () -> end.accept(exitCode)));
    }

    private static void handle(String name, Runnable action) {
        try {
            Class<?> signal = Class.forName("sun.misc.Signal");
            Class<?> handler = Class.forName("sun.misc.SignalHandler");
            InvocationHandler call = (_, method, _) -> {
                if (method.getName().equals("handle")) action.run();
                return null;
            };
            Object proxy = Proxy.newProxyInstance(handler.getClassLoader(), new Class<?>[] {handler}, call);
            signal.getMethod("handle", signal, handler)
                    .invoke(null, signal.getConstructor(String.class).newInstance(name), proxy);
        } catch (ReflectiveOperationException e) {
            // A runtime without that class, or a virtual machine told to leave signals alone.
            LOG.log(INFO, "a second SIG" + name + " will not end the process at once: " + e);
        }
    }
}
