package io.sluice.batching;

import java.util.random.RandomGenerator;

/// How an engine is put together. The tests override one part of it at a time.
interface EngineParts {

    /// The engine as it is.
    EngineParts REAL = new EngineParts() {};

    /// The engine with a draft model.
    record WithDraft(Proposer proposer) implements EngineParts {
        @Override
        public Proposer proposer(SpeculationSettings settings) {
            return proposer;
        }
    }

    /// The parts of one engine, each made once.
    record Core(
            ModelLimits limits,
            EngineSettings settings,
            StepTimeModel times,
            Accounts accounts,
            WaitForecast forecast,
            AdmissionController admission,
            BlockAllocator blocks,
            HostBlocks host,
            FairQueue queue,
            StepBudget budget,
            Reservations reservations,
            Starter starter,
            StepShares shares,
            SchedulerCounts counts,
            Attendance attendance,
            FollowUp followUp,
            Speculation speculation) {}

    /// Puts everything but scheduler and loop together.
    ///
    /// @param random draws the key of the prefix index's hash
    default Core core(ModelLimits limits, EngineSettings settings, RandomGenerator random) {
        return core(limits, settings, hash(random));
    }

    /// The same with a hash that is given.
    default Core core(ModelLimits limits, EngineSettings settings, BlockHash hash) {
        return core(limits, settings, hash, proposer(settings.speculation()));
    }

    /// The same with somebody who guesses.
    default Core core(ModelLimits limits, EngineSettings settings, BlockHash hash, Proposer proposer) {
        var index = index(limits, hash);
        var blocks = blocks(limits, settings, pool(limits, index), index);
        var host = new HostBlocks(limits.hostBlockCount());
        var times = new StepTimeModel();
        var accounts = new Accounts(limits.blockCount(), Accounts.FLOWS_MAX);
        var forecast = new WaitForecast(limits, accounts);
        var reservations = reservations(limits, blocks);
        var counts = new SchedulerCounts();
        var budget = new StepBudget(limits, times);
        var attendance = attendance(settings, counts);
        var speculation = speculation(settings, proposer, times, blocks);
        return new Core(
                limits,
                settings,
                times,
                accounts,
                forecast,
                admission(limits, settings, accounts, forecast),
                blocks,
                host,
                queue(),
                budget,
                reservations,
                starter(blocks, host, reservations),
                shares(settings, budget, blocks, speculation),
                counts,
                attendance,
                followUp(blocks, attendance),
                speculation);
    }

    default BlockHash hash(RandomGenerator random) {
        return BlockHash.keyed(random);
    }

    default PrefixIndex index(ModelLimits limits, BlockHash hash) {
        return new PrefixIndex(limits.blockCount(), limits.blockSize(), hash);
    }

    default BlockPool pool(ModelLimits limits, PrefixIndex index) {
        return new BlockPool(limits.blockCount(), index);
    }

    default BlockAllocator blocks(ModelLimits limits, EngineSettings settings, BlockPool pool, PrefixIndex index) {
        return new BlockAllocator(limits.blockSize(), settings.prefixCaching(), pool, index);
    }

    default AdmissionController admission(
            ModelLimits limits, EngineSettings settings, Accounts accounts, WaitForecast forecast) {
        return new AdmissionController(limits, settings.waitingMax(), accounts, forecast);
    }

    default FairQueue queue() {
        return new FairQueue();
    }

    default Reservations reservations(ModelLimits limits, BlockAllocator blocks) {
        return new Reservations(limits, blocks);
    }

    default Starter starter(BlockAllocator blocks, HostBlocks host, Reservations reservations) {
        return new Starter(blocks, host, reservations);
    }

    default StepShares shares(
            EngineSettings settings, StepBudget budget, BlockAllocator blocks, Speculation speculation) {
        return new StepShares(settings, budget, blocks, speculation);
    }

    /// A draft model is the engine's to bring along.
    default Proposer proposer(SpeculationSettings settings) {
        return switch (settings.kind()) {
            case OFF -> (_, _) -> {};
            case NGRAM -> new NgramProposer();
            case DRAFT -> throw new IllegalArgumentException("tokens of a draft model, but there is none");
        };
    }

    default Speculation speculation(
            EngineSettings settings, Proposer proposer, StepTimeModel times, BlockAllocator blocks) {
        return new Speculation(settings, proposer, times, blocks);
    }

    default Attendance attendance(EngineSettings settings, SchedulerCounts counts) {
        return new Attendance(settings, counts);
    }

    default FollowUp followUp(BlockAllocator blocks, Attendance attendance) {
        return new FollowUp(blocks, attendance);
    }

    default Scheduler scheduler(Core core) {
        return new Scheduler(core);
    }
}
