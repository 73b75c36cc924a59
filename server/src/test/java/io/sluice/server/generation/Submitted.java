package io.sluice.server.generation;

import io.sluice.batching.Admission;
import io.sluice.batching.Engine;
import io.sluice.batching.GenerationRequest;
import io.sluice.modelstore.Tokenizer;
import java.util.List;

/// A generation of a request that says more than clients can say.
public final class Submitted {
    private Submitted() {}

    /// The generation of a request, which the engine must admit.
    public static Generation to(Engine engine, GenerationRequest request, Tokenizer tokenizer, RequestMeter meter) {
        var admitted = (Admission.Admitted) engine.submit(request);
        OpenGenerations open = new OpenGenerations(engine);
        return open.add(new Generation(
                admitted.streams(),
                new Generation.Prompts(1, request.prompt().length),
                tokenizer,
                new Choice.Rules(List.of(), 0, false, TextRequest.Output.USUAL, "", false),
                new Generation.Dependencies(meter, open, Bill.NONE)));
    }
}
