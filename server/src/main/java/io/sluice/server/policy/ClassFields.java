package io.sluice.server.policy;

import io.sluice.batching.TrafficClass;
import java.util.List;

/// The fields of one traffic class while they are read; what is not named stays as in the class it began with. One
/// thread.
final class ClassFields {
    static final List<String> NAMES =
            List.of("rank", "guaranteed", "parkable", "reserve", "floor", "aging", "ttft", "itl", "max-waiting");

    private final String name;
    private int rank;
    private boolean guaranteed;
    private boolean parkable;
    private double reserve;
    private double floor;
    private long agingNs;
    private long firstTokenNs;
    private long tokenGapNs;
    private int waitingMax;

    ClassFields(String name, TrafficClass like) {
        this.name = name;
        rank = like.rank();
        guaranteed = like.guaranteed();
        parkable = like.parkable();
        reserve = like.reserveQuantile();
        floor = like.floor();
        agingNs = like.agingNs();
        firstTokenNs = like.firstTokenTargetNs();
        tokenGapNs = like.tokenGapTargetNs();
        waitingMax = like.waitingMax();
    }

    void take(String field, FieldReader reader) {
        switch (field) {
            case "rank" -> rank = reader.count(field, 0, 100);
            case "guaranteed" -> guaranteed = reader.flag(field);
            case "parkable" -> parkable = reader.flag(field);
            case "reserve" -> reserve = reader.part(field);
            case "floor" -> floor = reader.part(field);
            case "aging" -> agingNs = reader.time(field).toNanos();
            case "ttft" -> firstTokenNs = reader.time(field).toNanos();
            case "itl" -> tokenGapNs = reader.time(field).toNanos();
            case "max-waiting" -> waitingMax = reader.count(field, 1, TrafficClass.WAITING_LIMIT);
            default -> throw new IllegalArgumentException(field);
        }
    }

    TrafficClass made() {
        return new TrafficClass(
                name, rank, guaranteed, parkable, reserve, floor, agingNs, firstTokenNs, tokenGapNs, waitingMax);
    }
}
