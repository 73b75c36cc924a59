package io.sluice.server.policy;

import java.util.Set;
import java.util.regex.Pattern;

/// Which names tenants, classes, keys and shared prefixes may have: such as stand unescaped in metrics, logs,
/// headers and paths. Any thread.
final class Names {
    private static final Pattern FORM = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._@-]{0,63}");

    /// Words that mean something else where a tenant's name may stand: in lists of tenants, and in metrics.
    private static final Set<String> NO_TENANTS = Set.of("all", "other");

    private Names() {}

    /// What is wrong with a name, as the end of a sentence that begins with it; empty if nothing is.
    static String problem(String name) {
        return FORM.matcher(name).matches()
                ? ""
                : "must be up to 64 letters, digits, dots, dashes, underscores and @, beginning with a letter or digit";
    }

    static String tenantProblem(String name) {
        return NO_TENANTS.contains(name) ? "is a word with another meaning; choose another name" : problem(name);
    }
}
