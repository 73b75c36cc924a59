package io.sluice.batching;

import java.util.Collection;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.jspecify.annotations.Nullable;

/// Finds the flow that a caller's requests belong to, with its tenant's account and its class's queue, and
/// forgets those
/// that nobody uses when there are too many: a tenant may come once and never again. Any thread.
final class Accounts {

    /// What is learned of more flows than this is forgotten. Each takes about a kilobyte.
    static final int FLOWS_MAX = 10_000;

    private final int blockCount;
    private final int flowsMax;
    private final ConcurrentHashMap<String, ClassQueue> classes = new ConcurrentHashMap<>(); // bounded by policies
    private final ConcurrentHashMap<String, TenantAccount> tenants = new ConcurrentHashMap<>();
    private final ConcurrentHashMap<Key, Flow> flows = new ConcurrentHashMap<>();
    private final ConcurrentLinkedQueue<Key> oldest = new ConcurrentLinkedQueue<>(); // every key of `flows`, once

    private record Key(String tenant, String trafficClass) {}

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
        TenantAccount account =
                tenants.computeIfAbsent(caller.tenant().name(), _ -> new TenantAccount(caller.tenant(), blockCount));
        return new Flow(account, queue, nowNs);
    }

    /// Forgets flows without requests, the oldest first, while there are too many; a few at each call.
    private void forgetIdle() {
        for (int looks = Math.min(2, flows.size() - flowsMax); looks > 0; looks--) {
            Key key = oldest.poll();
            if (key == null) return;
            boolean kept = flows.computeIfPresent(key, (_, flow) -> flow.isOpen() ? flow : null) != null;
            if (kept) oldest.add(key);
            else forgetTenant(key.tenant());
        }
    }

    /// An account with a floor stays: it says which blocks are protected from others.
    private void forgetTenant(String name) {
        for (String trafficClass : classes.keySet()) {
            if (flows.containsKey(new Key(name, trafficClass))) return;
        }
        tenants.computeIfPresent(name, (_, account) -> account.terms().kvFloor() > 0 ? account : null);
    }

    /// All classes that ever had a request.
    Collection<ClassQueue> classes() {
        return classes.values();
    }

    /// The account of a tenant, if the engine knows it now.
    @Nullable
    TenantAccount find(String tenant) {
        return tenants.get(tenant);
    }

    /// Tenants that the engine knows of now.
    Collection<TenantAccount> tenants() {
        return tenants.values();
    }

    int flowCount() {
        return flows.size();
    }
}
