package io.sluice.batching;

import java.util.Collection;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.jspecify.annotations.Nullable;

/// Finds the flow that a caller's requests belong to, with its tenant's account and its class's queue, and
/// forgets those that nobody uses when there are too many: a tenant may come once and never again. Any
/// thread.
final class Accounts {

    /// What is learned of more flows than this is forgotten. Each takes about a kilobyte.
    static final int FLOWS_MAX = 10_000;

    private final int blockCount;
    private final int flowsMax;
    private final ConcurrentHashMap<String, ClassQueue> classes = new ConcurrentHashMap<>(); // bounded by policies
    private final ConcurrentHashMap<String, Known> tenants = new ConcurrentHashMap<>();
    private final ConcurrentHashMap<Key, Flow> flows = new ConcurrentHashMap<>();
    private final ConcurrentLinkedQueue<Key> oldest = new ConcurrentLinkedQueue<>(); // every key of `flows`, once

    private record Key(String tenant, String trafficClass) {}

    /// A tenant's account, and how many of `flows` are on it: counted under the lock of the tenant's entry,
    /// so that an account which is being forgotten is not given to a new flow.
    private record Known(TenantAccount account, int flowCount) {
        Known plus(int change) {
            return new Known(account, flowCount + change);
        }
    }

    Accounts(int blockCount, int flowsMax) {
        this.blockCount = blockCount;
        this.flowsMax = flowsMax;
    }

    /// The caller's flow, counted as open until `close`.
    Flow open(Caller caller, long nowNs) {
        Key key = new Key(caller.tenant().name(), caller.trafficClass().name());
        Flow flow = flows.compute(key, (_, known) -> {
            Flow it = known == null ? create(caller, nowNs) : known;
            it.addOpen(1);
            if (known == null) oldest.add(key);
            return it;
        });
        flow.account().setTerms(caller.tenant());
        flow.classQueue().setTerms(caller.trafficClass());
        forgetIdle();
        return flow;
    }

    void close(Flow flow) {
        flow.addOpen(-1);
    }

    private Flow create(Caller caller, long nowNs) {
        ClassQueue queue = classes.computeIfAbsent(
                caller.trafficClass().name(), _ -> new ClassQueue(caller.trafficClass(), nowNs));
        Known tenant = tenants.compute(
                caller.tenant().name(),
                (_, known) ->
                        known == null ? new Known(new TenantAccount(caller.tenant(), blockCount), 1) : known.plus(1));
        return new Flow(tenant.account(), queue, nowNs);
    }

    /// Forgets flows without requests, the oldest first, while there are too many; a few at each call.
    private void forgetIdle() {
        for (int looks = Math.min(2, flows.size() - flowsMax); looks > 0; looks--) {
            Key key = oldest.poll();
            if (key == null) return;
            boolean kept = flows.computeIfPresent(key, (_, flow) -> flow.isOpen() ? flow : null) != null;
            if (kept) oldest.add(key);
            else leaveTenant(key.tenant());
        }
    }

    /// One of a tenant's flows was forgotten; with the last one its account is. An account with a floor
    /// stays: it says which blocks are protected from others.
    private void leaveTenant(String name) {
        tenants.computeIfPresent(name, (_, known) -> {
            boolean isNeeded = known.flowCount() > 1 || known.account().terms().kvFloor() > 0;
            return isNeeded ? known.plus(-1) : null;
        });
    }

    /// All classes that ever had a request.
    Collection<ClassQueue> classes() {
        return classes.values();
    }

    /// The account of a tenant, if the engine knows it now.
    @Nullable
    TenantAccount find(String tenant) {
        Known known = tenants.get(tenant);
        return known == null ? null : known.account();
    }

    /// The accounts of all tenants that the engine knows of now.
    List<TenantAccount> tenants() {
        return tenants.values().stream().map(Known::account).toList();
    }

    int tenantCount() {
        return tenants.size();
    }

    int flowCount() {
        return flows.size();
    }
}
