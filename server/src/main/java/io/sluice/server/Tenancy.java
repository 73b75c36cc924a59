package io.sluice.server;

import io.sluice.server.access.AccessFilter;
import io.sluice.server.access.Intake;
import io.sluice.server.access.PolicyInForce;
import io.sluice.server.admin.PolicyReload;
import io.sluice.server.audit.AuditTrail;
import io.sluice.server.generation.ServedModel;
import io.sluice.server.generation.SharedPrefixes;
import io.sluice.server.policy.Policy;
import io.sluice.server.policy.PrefixSalts;
import io.sluice.server.quota.Quotas;
import io.sluice.server.records.RequestLog;
import io.sluice.server.settings.ServerSettings;
import io.sluice.server.settings.SettingsException;
import io.sluice.server.settings.SettingsSource;
import java.security.SecureRandom;
import java.time.InstantSource;
import java.util.function.Function;
import java.util.function.LongSupplier;

/// Who may ask for what, put together: the policy in force, quotas, records, and the filters before the routes. A
/// value.
record Tenancy(ServerSettings.Access settings, Intake intake, PolicyReload reload, InstantSource wallClock) {

    /// By which what goes. A value.
    ///
    /// @param engine nanoseconds, by which deadlines and records go; the engine's
    /// @param quotas nanoseconds, by which quotas refill
    /// @param wall by which keys expire
    record Clocks(LongSupplier engine, LongSupplier quotas, InstantSource wall) {
        static final Clocks SYSTEM = new Clocks(System::nanoTime, System::nanoTime, InstantSource.system());
    }

    /// Reads the policy and the keys.
    ///
    /// @throws SettingsException if they cannot be
    static Tenancy of(
            SettingsSource source, ServerSettings settings, ServedModel model, ServerMetrics metrics, Clocks clocks) {
        PrefixSalts salts = new PrefixSalts(new SecureRandom());
        Function<Policy, SharedPrefixes> tokenise = policy -> SharedPrefixes.of(policy.sharedPrefixes(), model, salts);
        PolicyInForce policy = new PolicyInForce(
                PolicyReload.read(source.config(), settings.access().keysFile(), tokenise));
        RequestLog log = new RequestLog(clocks.engine());
        Intake intake = new Intake(policy, salts, new Quotas(clocks.quotas()), log, metrics);
        return new Tenancy(
                settings.access(), intake, new PolicyReload(source, settings, policy, log, tokenise), clocks.wall());
    }

    /// Tells the audit log of each request and each reload.
    void tell(AuditTrail trail) {
        intake.log().tell(trail);
        reload.tell(trail);
    }

    AccessFilter mainFilter() {
        AccessFilter filter = settings.metricsOpen()
                ? AccessFilter.mainWithOpenMetrics(intake.policy(), wallClock)
                : AccessFilter.main(intake.policy(), wallClock);
        return settings.allowAnonymous() ? filter.openToAnybody() : filter;
    }

    AccessFilter adminFilter() {
        return AccessFilter.admin(intake.policy(), wallClock);
    }
}
