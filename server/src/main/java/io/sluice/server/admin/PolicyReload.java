package io.sluice.server.admin;

import static java.lang.System.Logger.Level.ERROR;
import static java.lang.System.Logger.Level.INFO;

import io.sluice.batching.InvalidPolicy;
import io.sluice.server.access.PolicyInForce;
import io.sluice.server.generation.SharedPrefixes;
import io.sluice.server.policy.KeyFile;
import io.sluice.server.policy.Policy;
import io.sluice.server.policy.PolicyChanges;
import io.sluice.server.policy.PolicyFile;
import io.sluice.server.records.RequestLog;
import io.sluice.server.settings.ConfigText;
import io.sluice.server.settings.ServerSettings;
import io.sluice.server.settings.SettingsException;
import io.sluice.server.settings.SettingsSource;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/// Puts the policy and the keys in force that the files hold now, while the server runs: all of it or
/// nothing. Any thread; one reload at a time.
public final class PolicyReload {
    private static final System.Logger LOG = System.getLogger(PolicyReload.class.getName());

    /// Changes that are written to the log; the admin route shows more.
    private static final int LOGGED_MAX = 20;

    /// Who is told of each reload. Must not wait.
    @FunctionalInterface
    public interface Audience {
        void reloaded(Outcome outcome);
    }

    private volatile Audience audience = _ -> {};
    private final SettingsSource source;
    private final ServerSettings running;
    private final PolicyInForce inForce;
    private final RequestLog requests;
    private final Function<Policy, SharedPrefixes> tokenise;

    /// What a reload changed, or would change. A value.
    ///
    /// @param needsRestart settings that differ from those the server runs with; they stay as they are
    /// @param endedRequests requests that ended because their key was revoked
    public record Outcome(
            boolean applied, PolicyChanges changes, List<PolicyChanges.Change> needsRestart, int endedRequests) {}

    /// @param running the settings that the server was started with
    /// @param tokenise makes tokens of the policy's shared prefixes
    public PolicyReload(
            SettingsSource source,
            ServerSettings running,
            PolicyInForce inForce,
            RequestLog requests,
            Function<Policy, SharedPrefixes> tokenise) {
        this.source = source;
        this.running = running;
        this.inForce = inForce;
        this.requests = requests;
        this.tokenise = tokenise;
    }

    /// Tells somebody of each reload; once, before there are any.
    public void tell(Audience whom) {
        audience = whom;
    }

    /// The policy that the files hold now.
    ///
    /// @throws SettingsException if it cannot be
    public static PolicyInForce.Snapshot read(
            Optional<ConfigText> config, Optional<Path> keysFile, Function<Policy, SharedPrefixes> tokenise) {
        Policy policy = config.map(PolicyFile::read).orElse(Policy.USUAL).with(keysFile.map(KeyFile::read));
        try {
            return new PolicyInForce.Snapshot(policy, tokenise.apply(policy));
        } catch (InvalidPolicy e) {
            throw new SettingsException("policy." + e.field() + " " + e.getMessage());
        }
    }

    /// Says what the files would change.
    ///
    /// @throws SettingsException if they cannot be
    public Outcome dryRun() {
        return compare(source).outcome(false, 0);
    }

    /// Says what another file would change in this one's place.
    ///
    /// @throws SettingsException if it cannot be
    public Outcome dryRun(ConfigText other) {
        return compare(source.with(other)).outcome(false, 0);
    }

    /// Puts in force what the files say. Requests under way keep what they were promised; those of a revoked key end.
    ///
    /// @throws SettingsException if they cannot be; nothing has changed then
    public synchronized Outcome reload() {
        Comparison comparison = compare(source);
        inForce.replace(comparison.next());
        // After the new keys are in force: who comes in from now on is checked against them.
        int ended = comparison.next().policy().keys().isEmpty()
                ? 0
                : requests.revoke(comparison.changes().revoked()::contains);
        Outcome outcome = comparison.outcome(true, ended);
        log(outcome);
        audience.reloaded(outcome);
        return outcome;
    }

    /// The same for somebody who reads the log alone.
    public void reloadOnSignal() {
        try {
            reload();
        } catch (SettingsException e) {
            LOG.log(ERROR, "the policy stays as it was: " + e.getMessage());
        }
    }

    private record Comparison(
            PolicyInForce.Snapshot next, PolicyChanges changes, List<PolicyChanges.Change> needsRestart) {

        Outcome outcome(boolean applied, int endedRequests) {
            return new Outcome(applied, changes, needsRestart, endedRequests);
        }
    }

    private Comparison compare(SettingsSource from) {
        Map<String, String> settings = from.settings().texts();
        // The key file that the server was started with: another place needs a restart, like every setting.
        PolicyInForce.Snapshot next = read(from.config(), running.access().keysFile(), tokenise);
        running.access().keysFile().ifPresent(file -> requireKept(file, next.policy()));
        List<PolicyChanges.Change> needsRestart = new ArrayList<>();
        running.texts().forEach((name, text) -> {
            String now = settings.getOrDefault(name, text);
            if (!now.equals(text)) {
                needsRestart.add(new PolicyChanges.Change(name, Optional.of(text), Optional.of(now)));
            }
        });
        PolicyChanges changes = PolicyChanges.between(inForce.now().policy(), next.policy());
        return new Comparison(next, changes, needsRestart);
    }

    /// What empties a file is a full disk, or somebody who is just writing it. It must not lock everybody out.
    private void requireKept(Path file, Policy next) {
        boolean losesAll = next.keys().stream().allMatch(ring -> ring.keys().isEmpty())
                && inForce.now().policy().keys().stream()
                        .anyMatch(ring -> !ring.keys().isEmpty());
        if (losesAll && KeyFile.isBlank(file)) {
            throw new SettingsException(
                    file + ": the file is empty, and the keys in force stay so; to take all keys away,"
                            + " revoke each with `./sluice keys revoke`");
        }
    }

    private static void log(Outcome outcome) {
        LOG.log(
                INFO,
                "policy reloaded; changes: %d, keys revoked: %d, requests ended for that: %d"
                        .formatted(
                                outcome.changes().total(),
                                outcome.changes().revoked().size(),
                                outcome.endedRequests()));
        outcome.changes().listed().stream()
                .limit(LOGGED_MAX)
                .forEach(change -> LOG.log(INFO, "policy reloaded: " + change));
        outcome.needsRestart().forEach(change -> LOG.log(INFO, "needs a restart, not applied: " + change));
    }
}
