package io.sluice.server.access;

import io.sluice.server.generation.GenerationMeter;
import io.sluice.server.policy.PrefixSalts;
import io.sluice.server.quota.Quotas;
import io.sluice.server.records.RequestLog;

/// What every request for text goes through before it reaches the engine. A value; any thread.
///
/// @param policy what is promised to whom
/// @param salts whose blocks are whose
/// @param quotas who has taken how much
/// @param log what is remembered of each request
/// @param meter what is counted
public record Intake(PolicyInForce policy, PrefixSalts salts, Quotas quotas, RequestLog log, GenerationMeter meter) {}
