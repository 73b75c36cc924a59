package io.sluice.server.openai;

import io.sluice.server.http.JsonOut;
import org.jspecify.annotations.Nullable;

/// What every object of one answer begins with. A value.
///
/// @param model the name that the client used
/// @param serviceTier null unless the request asked for one
record AnswerHead(
        String id,
        long createdSecond,
        String model,
        @Nullable String serviceTier) {

    /// Up to the choices: constant, so its bytes are made once.
    byte[] bytes(String object) {
        JsonOut out = new JsonOut()
                .raw("{\"id\":")
                .string(id)
                .raw(",\"object\":")
                .string(object)
                .raw(",\"created\":")
                .number(createdSecond)
                .raw(",\"model\":")
                .string(model);
        if (serviceTier != null) out.raw(",\"service_tier\":").string(serviceTier);
        return out.raw(",\"choices\":[").toBytes();
    }
}
