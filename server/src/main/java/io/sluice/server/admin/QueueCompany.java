package io.sluice.server.admin;

import io.sluice.server.records.EnginePart;
import io.sluice.server.records.RequestLog;
import io.sluice.server.records.RequestRecord;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Who waited with a request: found out when somebody asks, from what is remembered of the others. Any thread.
///
/// Times are those at which requests' first prompts were admitted and started.
final class QueueCompany {

    /// Of each kind; more than a person reads.
    private static final int SHOWN_MAX = 50;

    private QueueCompany() {}

    /// Empty for a request that was not admitted, or of which nobody remembers it.
    static Map<String, Object> of(RequestRecord record, RequestLog log) {
        Map<String, Object> view = new LinkedHashMap<>();
        if (record.parts().isEmpty()) return view;
        EnginePart its = record.parts().getFirst();
        List<RequestRecord> others = log.newest(Integer.MAX_VALUE).reversed().stream()
                .filter(other -> other != record && !other.parts().isEmpty())
                .toList();
        view.put(
                "waiting_at_its_admission",
                shown(others.stream()
                        .filter(other -> waitedAt(first(other), its.admittedNs()))
                        .toList()));
        view.put(
                "started_while_it_waited",
                shown(others.stream()
                        .filter(other -> startedIn(first(other), its))
                        .toList()));
        return view;
    }

    private static EnginePart first(RequestRecord record) {
        return record.parts().getFirst();
    }

    private static boolean waitedAt(EnginePart other, long momentNs) {
        boolean isIn = other.admittedNs() < momentNs;
        if (other.startedNs() != EnginePart.NOT_YET) return isIn && other.startedNs() > momentNs;
        return isIn && (other.endedNs() == EnginePart.NOT_YET || other.endedNs() > momentNs);
    }

    private static boolean startedIn(EnginePart other, EnginePart its) {
        if (other.startedNs() == EnginePart.NOT_YET || other.startedNs() <= its.admittedNs()) return false;
        return its.startedNs() == EnginePart.NOT_YET || other.startedNs() < its.startedNs();
    }

    private static Map<String, Object> shown(List<RequestRecord> records) {
        Map<String, Object> view = new LinkedHashMap<>();
        view.put("count", records.size());
        view.put(
                "first",
                records.stream().limit(SHOWN_MAX).map(QueueCompany::row).toList());
        return view;
    }

    private static Map<String, Object> row(RequestRecord record) {
        Map<String, Object> row = new LinkedHashMap<>();
        row.put("id", record.opening().requestId());
        row.put("tenant", record.opening().tenant());
        row.put("class", record.details().map(RequestRecord.Asked::trafficClass));
        return row;
    }
}
