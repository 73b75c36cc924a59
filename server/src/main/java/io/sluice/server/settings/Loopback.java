package io.sluice.server.settings;

import java.util.Locale;
import java.util.regex.Pattern;

/// Decides which names and addresses are this machine's own, reached from within alone. Any thread.
public final class Loopback {
    private static final Pattern NAMES = Pattern.compile("localhost|127(\\.\\d{1,3}){3}|\\[?(::1|0:0:0:0:0:0:0:1)]?");

    private Loopback() {}

    /// Names are not looked up: what they mean may change, and a web page may choose it.
    public static boolean is(String host) {
        return NAMES.matcher(host.toLowerCase(Locale.ROOT)).matches();
    }
}
