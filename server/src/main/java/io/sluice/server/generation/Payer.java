package io.sluice.server.generation;

import io.sluice.server.policy.Rates;
import java.util.Optional;

/// Whose a request is: whom it is counted for. A value.
///
/// @param rates empty without a price table
public record Payer(String tenant, String trafficClass, Optional<Rates> rates) {}
