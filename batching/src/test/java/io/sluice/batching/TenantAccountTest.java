package io.sluice.batching;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class TenantAccountTest {
    private static final int BLOCKS = 100;

    private final TenantAccount account = new TenantAccount(new Tenant("a", 1, 0.1, 0.5), BLOCKS);

    @Test
    void cachedBlocksAreProtectedUpToTheFloor() {
        account.addCached(7);
        assertThat(account.protectedCount()).isEqualTo(7);
        assertThat(account.hasUnprotected()).isFalse();
        account.addCached(7);
        assertThat(account.protectedCount()).isEqualTo(10);
        assertThat(account.hasUnprotected()).isTrue();
    }

    @Test
    void whatItUsesUpOfItsFloorProtectsNothingElse() {
        account.addCached(14);
        account.addUsed(4);
        assertThat(account.protectedCount()).isEqualTo(6);
        account.addUsed(40);
        assertThat(account.protectedCount()).isZero();
    }

    @Test
    void itsRunningSequencesHoldAndReserveNoMoreThanItsCeiling() {
        account.addUsed(30);
        assertThat(account.belowCeiling()).isEqualTo(20);
        account.reserve(45);
        assertThat(account.mayReserve(5)).isTrue();
        assertThat(account.mayReserve(6)).isFalse();
        account.reserve(-45);
        assertThat(account.reservedCount()).isZero();
        assertThat(account.mayReserve(50)).isTrue();
    }

    @Test
    void aTenantWithoutACeilingIsNotHeldToTheSumOfWhatItsSequencesNeed() {
        var free = new TenantAccount(new Tenant("free", 1, 0, 1), BLOCKS);
        free.reserve(5 * BLOCKS);
        assertThat(free.mayReserve(BLOCKS)).isTrue();
    }

    @Test
    void howeverSmallTheCeilingABlockIsLeft() {
        assertThat(TenantAccount.ceiling(new Tenant("tiny", 1, 0, 0.0001), BLOCKS))
                .isEqualTo(1);
    }

    @Test
    void newTermsCountWhenTheEngineTakesThemOver() {
        account.addCached(50);
        account.setTerms(new Tenant("a", 1, 0.3, 0.6));
        assertThat(account.protectedCount()).isEqualTo(10);
        account.adopt(BLOCKS);
        assertThat(account.protectedCount()).isEqualTo(30);
        assertThat(account.belowCeiling()).isEqualTo(60);
    }
}
