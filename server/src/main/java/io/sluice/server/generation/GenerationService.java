package io.sluice.server.generation;

import io.sluice.batching.Admission;
import io.sluice.batching.Caller;
import io.sluice.batching.Deadlines;
import io.sluice.batching.Engine;
import io.sluice.batching.GenerationRequest;
import io.sluice.batching.InvalidRequest;
import io.sluice.batching.PrefixScope;
import io.sluice.batching.SamplingParams;
import io.sluice.batching.TokenStream;
import io.sluice.modelstore.ChatTemplate;
import io.sluice.modelstore.ChatTemplate.ChatTemplateException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// Text in, a stream of text out: renders the template, tokenises, asks the engine, and hands over the answer to read.
/// Knows neither HTTP nor JSON. Any thread.
public final class GenerationService {

    /// The engine adds a bias per listed token and step; more than this is no bias but a mask.
    private static final int LOGIT_BIASES_MAX = 1024;

    private final ServedModel model;
    private final Engine engine;
    private final GenerationMeter meter;
    private final OpenGenerations open;

    public GenerationService(ServedModel model, Engine engine, GenerationMeter meter) {
        this.model = model;
        this.engine = engine;
        this.meter = meter;
        this.open = new OpenGenerations(engine);
    }

    /// The requests whose answer is still owed.
    public OpenGenerations open() {
        return open;
    }

    public ServedModel model() {
        return model;
    }

    /// The most tokens of a prompt and its output together.
    public int contextMax() {
        return engine.limits().contextMax();
    }

    /// Decides about a request at once. A request of several prompts is taken whole or not at all.
    ///
    /// @throws InvalidRequest if the request could never be served, naming the parameter
    public Submission submit(TextRequest request) {
        SamplingParams sampling = samplingOf(request);
        requireRoomInQueue(request.prompts().size());
        List<int[]> prompts = new ArrayList<>();
        for (Prompt prompt : request.prompts()) {
            int[] tokens = tokenise(prompt);
            Submission.TooLong tooLong = tooLong(request, tokens.length);
            if (tooLong != null) return tooLong;
            prompts.add(tokens);
        }
        return submitAll(request, sampling, prompts);
    }

    private Submission submitAll(TextRequest request, SamplingParams sampling, List<int[]> prompts) {
        List<TokenStream> streams = new ArrayList<>();
        int promptTokens = 0;
        for (int i = 0; i < prompts.size(); i++) {
            int[] prompt = prompts.get(i);
            promptTokens += prompt.length;
            // Equal prompts of one request are told apart by their place, as choices of one prompt are.
            SamplingParams seeded = i == 0 ? sampling : sampling.withSeed(sampling.seed() + 0x9E3779B97F4A7C15L * i);
            switch (engine.submit(engineRequest(request, i, prompt, seeded))) {
                case Admission.Admitted(List<TokenStream> admitted, var _) -> streams.addAll(admitted);
                case Admission.Refused(var reason, var detail, var retryAfter) -> {
                    streams.forEach(TokenStream::cancel);
                    meter.refused(reason);
                    return new Submission.Refused(reason, detail, retryAfter);
                }
            }
        }
        meter.admitted(promptTokens, streams.size());
        return new Submission.Started(open.add(new Generation(
                streams,
                new Generation.Prompts(prompts.size(), promptTokens),
                model.tokenizer(),
                Choice.Rules.of(request),
                new Generation.Dependencies(meter, open))));
    }

    private GenerationRequest engineRequest(TextRequest request, int index, int[] prompt, SamplingParams sampling) {
        String id = request.prompts().size() == 1 ? request.id() : request.id() + "-" + index;
        return new GenerationRequest(
                id,
                prompt,
                newTokensMax(request, prompt.length),
                request.choiceCount(),
                sampling,
                endTokens(request),
                Caller.ANONYMOUS,
                PrefixScope.of(0),
                Deadlines.NONE);
    }

    private SamplingParams samplingOf(TextRequest request) {
        SamplingParams sampling = request.sampling().over(model.defaults());
        Map<Integer, Float> bias = sampling.logitBias();
        if (bias.size() > LOGIT_BIASES_MAX) {
            throw new InvalidRequest("logit_bias", "lists " + bias.size() + " tokens; at most " + LOGIT_BIASES_MAX);
        }
        for (int token : bias.keySet()) requireToken("logit_bias", token);
        for (int token : request.stopTokens()) requireToken("stop_token_ids", token);
        return sampling;
    }

    private int[] tokenise(Prompt prompt) {
        int[] tokens = switch (prompt) {
            case Prompt.Chat chat -> renderAndTokenise(chat);
            case Prompt.Text(String text) -> model.tokenizer().encode(text);
            case Prompt.Tokens(int[] ids) -> {
                for (int id : ids) requireToken("prompt", id);
                yield ids;
            }
        };
        if (tokens.length == 0) throw new InvalidRequest(parameterOf(prompt), "has no tokens");
        return tokens;
    }

    private int[] renderAndTokenise(Prompt.Chat chat) {
        ChatTemplate template = model.chatTemplate()
                .orElseThrow(() -> new InvalidRequest(
                        "messages",
                        "cannot be used: the model \"" + model.name()
                                + "\" has no chat template; send a prompt to /v1/completions"));
        try {
            return model.tokenizer().encode(template.render(chat.messages(), new HashMap<>(chat.variables())));
        } catch (ChatTemplateException e) {
            throw new InvalidRequest("messages", "were refused by the model's chat template: " + e.getMessage());
        }
    }

    /// More prompts than the queue has places could only ever be refused, and trying again would not help.
    private void requireRoomInQueue(int prompts) {
        if (prompts > engine.waitingMax()) {
            throw new InvalidRequest(
                    "prompt", "holds " + prompts + " prompts; this server takes at most " + engine.waitingMax());
        }
    }

    private void requireToken(String parameter, int token) {
        int vocabSize = engine.limits().vocabSize();
        if (token < 0 || token >= vocabSize) {
            throw new InvalidRequest(
                    parameter, "holds token id " + token + "; this model's ids are 0 to " + (vocabSize - 1));
        }
    }

    private Submission.@Nullable TooLong tooLong(TextRequest request, int promptTokens) {
        int contextMax = contextMax();
        Integer wanted = request.maxTokens();
        long total = (long) promptTokens + (wanted == null ? 1 : wanted);
        if (total <= contextMax) return null;
        String limit = "This model's maximum context length is " + contextMax + " tokens. However, ";
        if (wanted == null || promptTokens >= contextMax) {
            String detail = "your prompt has " + promptTokens + " tokens, which leaves no room for an answer.";
            return new Submission.TooLong(true, limit + detail + " Please shorten it.");
        }
        String detail = "you requested " + total + " tokens (" + promptTokens + " in the prompt, " + wanted
                + " for the completion).";
        return new Submission.TooLong(
                false, limit + detail + " Please shorten the prompt or lower the completion's limit.");
    }

    /// The request's own limit, else the rest of the context (and of the cache) capped by the operator's default.
    private int newTokensMax(TextRequest request, int promptTokens) {
        Integer wanted = request.maxTokens();
        if (wanted != null) return wanted;
        long room = Math.min(contextMax(), engine.limits().cacheTokens()) - promptTokens;
        return (int) Math.max(1, Math.min(room, model.outputTokensMax()));
    }

    private int[] endTokens(TextRequest request) {
        IntStream own = request.ignoreEndTokens()
                ? IntStream.empty()
                : model.defaults().endTokens().stream().mapToInt(Integer::intValue);
        return IntStream.concat(own, request.stopTokens().stream().mapToInt(Integer::intValue))
                .distinct()
                .toArray();
    }

    private static String parameterOf(Prompt prompt) {
        return prompt instanceof Prompt.Chat ? "messages" : "prompt";
    }
}
