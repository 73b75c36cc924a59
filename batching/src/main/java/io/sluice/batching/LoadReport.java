package io.sluice.batching;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/// Says after each step how loaded the engine is: to admission, which predicts by it, and to whoever looks
/// at the statistics. Engine thread only.
final class LoadReport {
    private final EngineParts.Core core;
    private final Scheduler scheduler;
    private final BlockAudit audit;

    LoadReport(EngineParts.Core core, Scheduler scheduler, BlockAudit audit) {
        this.core = core;
        this.scheduler = scheduler;
        this.audit = audit;
    }

    /// Tells admission, and makes a snapshot.
    ///
    /// @param stepNs duration of the latest step, 0 if there was none
    EngineStats publish(long stepNs, long nowNs) {
        SequenceList running = scheduler.running();
        int expected = core.reservations().peak(running);
        publishLoad(running, expected, nowNs);
        publishPrompts(running, nowNs);
        publishWhatGivesWay(running);
        return snapshot(expected, stepNs, nowNs);
    }

    private void publishLoad(SequenceList running, int expectedBlocks, long nowNs) {
        core.budget().survey(running);
        int writing = core.budget().writing();
        int promptTokens = core.budget().promptTokensMax();
        StepTimeModel times = core.times();
        long gapNs = Math.max(0, times.predict(Math.max(1, writing), 0));
        long paceNs = Math.max(0, times.predict(writing, promptTokens));
        double aloneNs = writing == 0 ? 0 : gapNs;
        core.forecast()
                .publish(
                        new WaitForecast.Load(
                                Math.max(0, paceNs - aloneNs) / promptTokens,
                                times.leastPerSequenceNs(),
                                (double) paceNs / promptTokens,
                                gapNs,
                                promptTokens,
                                core.limits().sequencesMax() - running.size(),
                                Math.max(0, core.limits().blockCount() - expectedBlocks),
                                times.shortestNs()),
                        !scheduler.waiting().isEmpty(),
                        nowNs);
    }

    private void publishPrompts(SequenceList running, long nowNs) {
        double tokenNs = core.forecast().load().pacedPromptTokenNs();
        List<ClassQueue> classes = core.queue().classes();
        for (int i = 0; i < classes.size(); i++) {
            ClassQueue queue = classes.get(i);
            queue.prompts().publish(queue, running, tokenNs, nowNs);
        }
    }

    /// Sequences that can be parked are in nobody's way whose class goes before theirs.
    private void publishWhatGivesWay(SequenceList running) {
        List<ClassQueue> classes = core.queue().classes();
        for (int i = 0; i < classes.size(); i++) {
            ClassQueue queue = classes.get(i);
            int hostFree = core.host().freeCount();
            int seats = 0;
            int blocks = 0;
            for (int j = 0; queue.terms().parkable() && j < running.size(); j++) {
                Sequence sequence = running.get(j);
                int held = sequence.table().count();
                if (sequence.flow().classQueue() != queue || held > hostFree) continue;
                hostFree -= held;
                seats++;
                blocks += Math.max(held, sequence.reservedBlocks());
            }
            queue.setToGive(seats, blocks);
        }
    }

    private EngineStats snapshot(int expectedBlocks, long stepNs, long nowNs) {
        BlockAllocator blocks = core.blocks();
        SchedulerCounts counts = scheduler.counts();
        SequenceList waiting = scheduler.waiting();
        int parked = 0;
        int paused = 0;
        for (int i = 0; i < waiting.size(); i++) {
            Sequence sequence = waiting.get(i);
            if (sequence.status() == Sequence.Status.PARKED) parked++;
            if (sequence.isPaused()) paused++;
        }
        for (int i = 0; i < scheduler.running().size(); i++) {
            if (scheduler.running().get(i).isPaused()) paused++;
        }
        return new EngineStats(
                scheduler.running().size(),
                waiting.size(),
                parked,
                paused,
                new EngineStats.Blocks(
                        blocks.freeCount(),
                        blocks.blockCount() - blocks.freeCount(),
                        blocks.cachedCount(),
                        expectedBlocks,
                        audit.leaked(),
                        core.host().usedCount()),
                counts.work(),
                core.speculation().speculated(),
                classLoads(nowNs),
                counts.stepTokens(),
                stepNs,
                nowNs);
    }

    private List<EngineStats.ClassLoad> classLoads(long nowNs) {
        var loads = new ArrayList<EngineStats.ClassLoad>();
        for (ClassQueue queue : core.queue().classes()) {
            int running = 0;
            for (int i = 0; i < scheduler.running().size(); i++) {
                if (scheduler.running().get(i).flow().classQueue() == queue) running++;
            }
            loads.add(new EngineStats.ClassLoad(
                    queue.name(),
                    running,
                    queue.backlog().requests(),
                    core.forecast().waitNs(queue, nowNs)));
        }
        loads.sort(Comparator.comparing(EngineStats.ClassLoad::name));
        return loads;
    }
}
