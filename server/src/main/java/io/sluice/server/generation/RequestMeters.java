package io.sluice.server.generation;

import java.util.List;

/// Several meters of one request, told one after the other. The request's threads.
public record RequestMeters(List<RequestMeter> meters) implements RequestMeter {
    public RequestMeters {
        meters = List.copyOf(meters);
    }

    @Override
    public void tokenised() {
        for (RequestMeter meter : meters) meter.tokenised();
    }

    @Override
    public void admitted(Admitted admitted) {
        for (RequestMeter meter : meters) meter.admitted(admitted);
    }

    @Override
    public void refused(String reason) {
        for (RequestMeter meter : meters) meter.refused(reason);
    }

    @Override
    public void firstToken(long waitNs) {
        for (RequestMeter meter : meters) meter.firstToken(waitNs);
    }

    @Override
    public void furtherTokens(int count, long gapNs) {
        for (RequestMeter meter : meters) meter.furtherTokens(count, gapNs);
    }

    @Override
    public void finished(Finish finish) {
        for (RequestMeter meter : meters) meter.finished(finish);
    }

    @Override
    public void completed(long durationNs) {
        for (RequestMeter meter : meters) meter.completed(durationNs);
    }

    @Override
    public void ended(Usage usage) {
        for (RequestMeter meter : meters) meter.ended(usage);
    }
}
