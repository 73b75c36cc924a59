package io.sluice.benchmarks.traffic;

import io.sluice.batching.TrafficClass;
import java.time.Duration;
import java.util.List;

/// What one class of traffic was promised, and the class that an operator would configure for it. A value.
///
/// @param slo when a request of the class was served as promised
/// @param share the part of all requests that is meant to be of this class
public record Promise(TrafficClass trafficClass, Slo slo, double share) {
    private static final Slo PEOPLE = new Slo.Stream(Duration.ofMillis(500), Duration.ofMillis(50));
    private static final Slo PROGRAMS = new Slo.Stream(Duration.ofSeconds(2), Duration.ofMillis(100));
    private static final Slo WORK = new Slo.WholeAnswer(Duration.ofSeconds(60));

    /// The promises of all reports. A guaranteed class differs from an interactive one in what the engine
    /// does for it.
    public static final List<Promise> ALL = List.of(
            new Promise(configured(TrafficClass.GUARANTEED, 500, 50), PEOPLE, 0.10),
            new Promise(configured(TrafficClass.INTERACTIVE, 500, 50), PEOPLE, 0.40),
            new Promise(configured(TrafficClass.STANDARD, 2_000, 100), PROGRAMS, 0.30),
            new Promise(configured(TrafficClass.BATCH, 30_000, 0), WORK, 0.20));

    public String name() {
        return trafficClass.name();
    }

    /// The promise of a class by its name.
    public static Promise of(String className) {
        return ALL.stream()
                .filter(promise -> promise.name().equals(className))
                .findFirst()
                .orElseThrow();
    }

    /// A built-in class with the targets that the promise implies; a gap of 0 leaves that target to the
    /// engine.
    private static TrafficClass configured(TrafficClass builtIn, long firstTokenMs, long gapMs) {
        return new TrafficClass(
                builtIn.name(),
                builtIn.rank(),
                builtIn.guaranteed(),
                builtIn.parkable(),
                builtIn.reserveQuantile(),
                builtIn.floor(),
                builtIn.agingNs(),
                Duration.ofMillis(firstTokenMs).toNanos(),
                gapMs == 0 ? TrafficClass.NO_TARGET : Duration.ofMillis(gapMs).toNanos(),
                builtIn.waitingMax());
    }
}
