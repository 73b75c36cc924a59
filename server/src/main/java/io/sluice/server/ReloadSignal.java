package io.sluice.server;

import static java.lang.System.Logger.Level.WARNING;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandleProxies;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.reflect.InvocationTargetException;

/// Does something on SIGHUP, where there is such a signal. By reflection: the only class that takes signals is in the
/// module `jdk.unsupported`, and naming it is a warning of the compiler that cannot be turned off.
final class ReloadSignal {
    private static final System.Logger LOG = System.getLogger(ReloadSignal.class.getName());

    private ReloadSignal() {}

    /// @param action runs on a thread of its own, at each signal
    static void install(Runnable action) {
        try {
            Class<?> signal = Class.forName("sun.misc.Signal");
            Class<?> handler = Class.forName("sun.misc.SignalHandler");
            MethodHandle run = MethodHandles.lookup()
                    .findVirtual(Runnable.class, "run", MethodType.methodType(void.class))
                    .bindTo(action);
            Object onSignal =
                    MethodHandleProxies.asInterfaceInstance(handler, MethodHandles.dropArguments(run, 0, signal));
            Object hangUp = signal.getConstructor(String.class).newInstance("HUP");
            signal.getMethod("handle", signal, handler).invoke(null, hangUp, onSignal);
        } catch (InvocationTargetException e) {
            // Taken by the JVM's owner (-Xrs), or unknown to the system.
            LOG.log(WARNING, "SIGHUP reloads nothing here: " + e.getCause());
        } catch (ReflectiveOperationException e) {
            LOG.log(WARNING, "SIGHUP reloads nothing here: " + e);
        }
    }
}
