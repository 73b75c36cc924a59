package io.sluice.batching;

import static io.sluice.batching.RequestBuilder.request;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

/// Sixteen blocks of two tokens.
class BlockAllocatorTest {
    private static final int BLOCKS = 16;
    private static final Tenant OWNER = new Tenant("owner", 1, 0.5, 1); // eight blocks are kept for it
    private static final Tenant SWEEPER = new Tenant("sweeper", 1, 0, 1);

    private final RunningSequences running = new RunningSequences(new ModelLimits(BLOCKS, 2, 1000, 16, 16, 100_000, 0));
    private final BlockAllocator blocks = running.blocks;

    @Test
    void aSequenceOwnsAsManyBlocksAsItsTokensFill() {
        Sequence sequence = running.arrive(request().promptLength(5));
        assertThat(blocks.missing(sequence)).isEqualTo(3);
        assertThat(blocks.room(sequence)).isEqualTo(2 * BLOCKS);
        running.start(sequence);
        running.compute(sequence);
        assertThat(sequence.table().count()).isEqualTo(3);
        assertThat(blocks.freeCount()).isEqualTo(13);
        assertThat(blocks.missing(sequence)).isZero();
        running.end(sequence);
        assertThat(blocks.freeCount()).isEqualTo(BLOCKS);
        blocks.checkInvariants(new int[BLOCKS]);
    }

    @Test
    void anEqualBeginningIsTakenOverButForTheLastToken() {
        Sequence first = running.run(request().promptLength(6));
        Sequence longer = running.run(request().promptLength(7));
        Sequence same = running.run(request().promptLength(6));
        assertThat(shared(first, longer)).isEqualTo(3);
        assertThat(shared(first, same)).isEqualTo(2); // the third holds the token whose logits are needed
        assertThat(blocks.sharedCount(longer)).isEqualTo(3);
        assertThat(blocks.freeCount()).isEqualTo(BLOCKS - 5);
        running.end(first);
        blocks.checkInvariants(running.held());
    }

    @Test
    void withoutPrefixCachingNothingIsTakenOverButFromASibling() {
        var limits = new ModelLimits(BLOCKS, 2, 1000, 16, 16, 100_000, 0);
        EngineParts.Core core = EngineParts.REAL.core(limits, new EngineSettings(10, false, 16), new Random(1));
        Sequence first = running.arrive(request().promptLength(6).choices(2));
        Sequence sibling = first.submission().sequence(1);
        core.blocks().cover(first, 6);
        first.advance(6);
        core.blocks().offer(first);
        assertThat(core.blocks().reuse(running.arrive(request().promptLength(6)), null))
                .isZero();
        assertThat(core.blocks().reuse(sibling, first)).isEqualTo(4);
        assertThat(shared(first, sibling)).isEqualTo(2);
    }

    @Test
    void aSiblingWhoseOutputIsLongerSharesItsPromptAlone() {
        Sequence first = running.run(request().promptLength(6).maxNewTokens(10).choices(2));
        for (int i = 0; i < 6; i++) running.write(first, 50 + i);
        running.compute(first);
        Sequence sibling = first.submission().sequence(1);
        for (int i = 0; i < 3; i++) running.write(sibling, 70 + i);
        assertThat(blocks.reuse(sibling, first)).isEqualTo(6);
    }

    @Test
    void whatIsNotComputedIsNotOffered() {
        Sequence sequence = running.arrive(request().promptLength(6));
        running.start(sequence);
        blocks.cover(sequence, 6);
        sequence.advance(3);
        blocks.offer(sequence);
        assertThat(running.run(request().promptLength(6)).table().block(0))
                .isEqualTo(sequence.table().block(0));
        assertThat(shared(sequence, running.list.get(1))).isEqualTo(1);
    }

    @Test
    void whatBroughtNoFiniteNumberIsFoundByNobody() {
        Sequence poisoned = running.run(request().promptLength(6));
        blocks.distrust(poisoned);
        running.end(poisoned);
        assertThat(blocks.cachedCount()).isZero();
        assertThat(blocks.reuse(running.arrive(request().promptLength(6)), null))
                .isZero();
    }

    @Test
    void aPrefixOutlivesItsContinuations() {
        running.end(running.run(request().promptLength(2 * BLOCKS)));
        running.end(running.run(request().prompt(500, 8))); // takes four blocks, those released first
        assertThat(blocks.reuse(running.arrive(request().promptLength(2 * BLOCKS)), null))
                .isEqualTo(2 * (BLOCKS - 4));
    }

    @Test
    void aSweepThroughTheCacheLeavesAnotherTenantsFloor() {
        running.end(running.run(of(OWNER).prompt(0, 17)));
        sweep();
        assertThat(blocks.reuse(running.arrive(of(OWNER).prompt(0, 17)), null)).isEqualTo(16);
    }

    @Test
    void withoutAFloorASweepTakesAll() {
        running.end(running.run(of(new Tenant("owner", 1, 0, 1)).prompt(0, 17)));
        sweep();
        assertThat(blocks.reuse(running.arrive(of(OWNER).prompt(0, 17)), null)).isZero();
    }

    @Test
    void whatLiesAboveItsFloorATenantLosesLikeAllOthers() {
        running.end(running.run(of(OWNER).prompt(0, 25))); // twelve full blocks
        sweep();
        assertThat(blocks.reuse(running.arrive(of(OWNER).prompt(0, 25)), null)).isEqualTo(16);
    }

    @Test
    void aTenantMayTakeItsOwnPrefixesAndAllThatIsNotProtected() {
        running.end(running.run(of(OWNER).prompt(0, 17)));
        assertThat(blocks.available(running.arrive(of(OWNER)))).isEqualTo(BLOCKS);
        assertThat(blocks.available(running.arrive(of(SWEEPER)))).isEqualTo(BLOCKS - 8);
    }

    @Test
    void aCeilingBindsHoweverMuchIsFree() {
        var capped = new Tenant("capped", 1, 0, 0.25);
        running.run(of(capped).promptLength(5));
        Sequence next = running.arrive(of(capped).prompt(100, 5));
        assertThat(blocks.available(next)).isEqualTo(1);
        assertThat(blocks.room(next)).isEqualTo(2);
        assertThat(blocks.available(running.arrive(of(SWEEPER)))).isEqualTo(BLOCKS - 3);
    }

    @Test
    void whoComesFirstOfAllIsBoundByNoFloorAndNoCeiling() {
        running.end(running.run(of(OWNER).prompt(0, 17)));
        Sequence first = running.arrive(of(new Tenant("capped", 1, 0, 0.25)).prompt(500, 2 * BLOCKS));
        first.setPrivileged(true);
        assertThat(blocks.available(first)).isEqualTo(BLOCKS);
        running.start(first);
        running.compute(first);
        assertThat(blocks.freeCount()).isZero();
    }

    @Test
    void aBlockThatTenantsShareCountsForNoneOfThem() {
        Sequence sequence = running.run(of(OWNER).prompt(0, 8).scope(new PrefixScope(1, 2, 5)));
        assertThat(sequence.flow().account().usedCount()).isEqualTo(2); // of four, two are shared whole
    }

    @Test
    void takingMoreThanIsFreeIsABug() {
        Sequence sequence = running.arrive(request().promptLength(2 * BLOCKS + 1));
        assertThatThrownBy(() -> blocks.cover(sequence, 2 * BLOCKS + 1)).isInstanceOf(Invariant.Broken.class);
    }

    @Test
    void noFloorIsBrokenAndNoCeilingPassedWhateverTenantsDo() {
        for (long seed = 0; seed < 30; seed++) {
            var all = new RunningSequences(new ModelLimits(BLOCKS, 2, 1000, 512, 64, 100_000, 0));
            var random = new Random(seed);
            List<Tenant> tenants = List.of(
                    new Tenant("a", 1, 0.25, 0.5), new Tenant("b", 1, 0.4, 1), new Tenant("c", 1, 0, 0.3), SWEEPER);
            Map<String, TenantAccount> accounts = new HashMap<>();
            List<Sequence> open = new ArrayList<>();
            for (int round = 0; round < 400; round++) {
                Tenant tenant = tenants.get(random.nextInt(tenants.size()));
                Map<String, Integer> before = new HashMap<>();
                accounts.forEach((name, account) -> before.put(name, account.protectedCount()));
                if (random.nextInt(3) > 0) {
                    Sequence next = all.arrive(of(tenant).prompt(100 * random.nextInt(4), 1 + random.nextInt(12)));
                    accounts.put(tenant.name(), next.flow().account());
                    if (all.blocks.missing(next) <= all.blocks.available(next)) {
                        all.start(next);
                        all.compute(next);
                        open.add(next);
                    }
                } else if (!open.isEmpty()) {
                    all.end(open.remove(random.nextInt(open.size())));
                }
                all.blocks.checkInvariants(all.held());
                for (TenantAccount account : accounts.values()) {
                    assertThat(account.belowCeiling()).as("seed %d", seed).isNotNegative();
                    if (account.name().equals(tenant.name())) continue;
                    assertThat(account.protectedCount() + account.usedCount())
                            .as("seed %d round %d, %s", seed, round, account.name())
                            .isGreaterThanOrEqualTo(before.getOrDefault(account.name(), 0));
                }
            }
        }
    }

    /// Another tenant computes prompts that nobody has seen, three caches full, a few blocks at a time.
    private void sweep() {
        for (int i = 0; i < 12; i++) running.end(running.run(of(SWEEPER).prompt(1000 + 100 * i, 8)));
    }

    /// Each tenant's prompts are its own.
    private static RequestBuilder of(Tenant tenant) {
        return request().of(tenant).scope(PrefixScope.of(tenant.name().hashCode()));
    }

    private static int shared(Sequence one, Sequence other) {
        int shared = 0;
        int both = Math.min(one.table().count(), other.table().count());
        while (shared < both && one.table().block(shared) == other.table().block(shared)) shared++;
        return shared;
    }
}
