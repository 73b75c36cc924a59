package io.sluice.benchmarks.load;

import io.sluice.benchmarks.traffic.Slo;

/// One tenant's way in. A value.
///
/// @param tenant for the report
/// @param secret sent as bearer token; nothing is sent if it is empty
/// @param className for the report
/// @param slo when an answer counts as good
record Key(String tenant, String secret, String className, Slo slo) {

    @Override
    public String toString() {
        return tenant + " (" + className + ")"; // never the secret
    }
}
