package io.sluice.benchmarks.traffic;

import io.sluice.batching.Caller;
import io.sluice.batching.Tenant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;

/// Decides who the tenants are, of which class each is, and whose a request is. A value: the seed decides it
/// all.
///
/// Tenant 1 sends most: the part of tenant `k` is proportional to `1 / k^1.1` (Zipf). Classes are dealt from
/// the largest tenant to the smallest: each draws a class, with odds in proportion to what that class still
/// lacks of its share.
final class Tenancy {
    static final int TENANTS = 50;
    static final double ZIPF = 1.1;

    private final List<Caller> callers = new ArrayList<>();
    private final double[] cumulated = new double[TENANTS]; // the part of all tenants up to this one

    Tenancy(long seed) {
        double[] part = parts();
        double sum = 0;
        for (int tenant = 0; tenant < TENANTS; tenant++) {
            sum += part[tenant];
            cumulated[tenant] = sum;
        }
        var random = new SplittableRandom(seed);
        double[] lacking = Promise.ALL.stream().mapToDouble(Promise::share).toArray();
        for (int tenant = 0; tenant < TENANTS; tenant++) {
            int drawn = drawClass(lacking, random.nextDouble());
            lacking[drawn] -= part[tenant];
            String name = String.format(Locale.ROOT, "tenant-%02d", tenant + 1);
            callers.add(
                    new Caller(new Tenant(name, 1, 0, 1), Promise.ALL.get(drawn).trafficClass()));
        }
    }

    private static double[] parts() {
        double[] part = new double[TENANTS];
        double sum = 0;
        for (int tenant = 0; tenant < TENANTS; tenant++) {
            part[tenant] = 1 / StrictMath.pow(tenant + 1, ZIPF);
            sum += part[tenant];
        }
        for (int tenant = 0; tenant < TENANTS; tenant++) part[tenant] /= sum;
        return part;
    }

    private static int drawClass(double[] lacking, double uniform) {
        double sum = 0;
        for (double lack : lacking) sum += Math.max(0, lack);
        double left = uniform * sum;
        int last = 0;
        for (int i = 0; i < lacking.length; i++) {
            if (lacking[i] <= 0) continue;
            last = i;
            left -= lacking[i];
            if (left < 0) return i;
        }
        return last;
    }

    /// The tenant that a uniform number in `[0, 1)` stands for.
    int draw(double uniform) {
        for (int tenant = 0; tenant < TENANTS - 1; tenant++) {
            if (uniform < cumulated[tenant]) return tenant;
        }
        return TENANTS - 1;
    }

    Caller caller(int tenant) {
        return callers.get(tenant);
    }
}
