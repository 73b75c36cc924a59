package io.sluice.server.generation;

import io.sluice.batching.Admission;
import io.sluice.batching.Engines;
import io.sluice.batching.GenerationRequest;
import io.sluice.batching.InvalidRequest;
import io.sluice.batching.SamplingParams;
import io.sluice.batching.Timeline;
import io.sluice.batching.TokenConstraint;
import io.sluice.batching.TokenStream;
import io.sluice.modelstore.ChatTemplate;
import io.sluice.modelstore.ChatTemplate.ChatTemplateException;
import io.sluice.modelstore.RenderedChat;
import io.sluice.server.quota.QuotaRefusal;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// Text in, a stream of text out: renders the template, tokenises, asks the engine, and hands over the
/// answer to read. Knows neither HTTP nor JSON. Any thread.
public final class GenerationService {

    /// The engine adds a bias per listed token and step; more than this is no bias but a mask.
    private static final int LOGIT_BIASES_MAX = 1024;

    private final ServedModel model;
    private final Engines engine;
    private final OpenGenerations open;
    private final Structures structures;

    public GenerationService(ServedModel model, Engines engine) {
        this.model = model;
        this.engine = engine;
        this.open = new OpenGenerations(engine);
        this.structures = new Structures(model.tokenizer(), engine.limits().vocabSize());
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

    /// The prompt as tokens.
    ///
    /// @throws InvalidRequest if it has none
    public int[] tokens(Prompt prompt) {
        return tokenise(prompt);
    }

    /// The ids must be the model's.
    ///
    /// @throws InvalidRequest if one is not
    public void requireTokens(String parameter, int[] ids) {
        for (int id : ids) requireToken(parameter, id);
    }

    /// Decides about a request at once. A request of several prompts is taken whole or not at all.
    ///
    /// @throws InvalidRequest if the request could never be served, naming the parameter
    public Submission submit(TextRequest request, RequestTerms terms) {
        SamplingParams sampling = samplingOf(request);
        requireRoomInQueue(request.prompts().size());
        List<int[]> prompts = new ArrayList<>();
        boolean opensThinking = false;
        for (Prompt prompt : request.prompts()) {
            int[] tokens;
            if (prompt instanceof Prompt.Chat chat) {
                RenderedChat rendered = render(chat);
                opensThinking = request.output().rules().opensThinking(rendered.text());
                tokens = tokenise(rendered);
            } else {
                tokens = tokenise(prompt);
            }
            Submission.TooLong tooLong = tooLong(request, tokens.length);
            if (tooLong != null) return tooLong;
            prompts.add(tokens);
        }
        terms.meter().tokenised();
        TokenConstraint constraint =
                structures.constraint(request.structure(), request.output().rules(), opensThinking);
        int[] outputTokensMax = outputTokensMax(request, terms, prompts);
        Optional<QuotaRefusal> refusal = terms.permit().reserve(tokensMax(request, prompts, outputTokensMax));
        if (refusal.isPresent()) {
            terms.meter().refused(refusal.get().limit().code());
            return new Submission.OverQuota(refusal.get());
        }
        Choosing choosing = new Choosing(sampling, constraint);
        return submitAll(
                Choice.Rules.of(request, opensThinking),
                parts(request, terms, choosing, prompts, outputTokensMax),
                terms);
    }

    /// How the request's tokens are chosen.
    private record Choosing(
            SamplingParams sampling, @Nullable TokenConstraint constraint) {}

    /// The engine's part of the request for each of its prompts.
    private List<GenerationRequest> parts(
            TextRequest request, RequestTerms terms, Choosing choosing, List<int[]> prompts, int[] outputTokensMax) {
        SamplingParams sampling = choosing.sampling();
        List<GenerationRequest> parts = new ArrayList<>();
        for (int i = 0; i < outputTokensMax.length; i++) {
            int[] prompt = prompts.get(i);
            String tenant = terms.caller().tenant().name();
            parts.add(new GenerationRequest(
                    prompts.size() == 1 ? request.id() : request.id() + "-" + i,
                    prompt,
                    outputTokensMax[i],
                    request.choiceCount(),
                    // Equal prompts of one request are told apart by their place, as choices of one prompt are.
                    i == 0 ? sampling : sampling.withSeed(sampling.seed() + 0x9E3779B97F4A7C15L * i),
                    endTokens(request),
                    terms.caller(),
                    terms.sharedPrefixes().scope(prompt, tenant, terms.salt()),
                    terms.deadlines(),
                    choosing.constraint(),
                    request.promptWish()));
        }
        return parts;
    }

    private Submission submitAll(Choice.Rules rules, List<GenerationRequest> parts, RequestTerms terms) {
        RequestMeter meter = terms.meter();
        List<TokenStream> streams = new ArrayList<>();
        List<Timeline> timelines = new ArrayList<>();
        for (GenerationRequest part : parts) {
            switch (engine.submit(part, terms.attempt())) {
                case Admission.Admitted(List<TokenStream> admitted, Timeline timeline) -> {
                    timelines.add(timeline);
                    streams.addAll(admitted);
                }
                case Admission.Refused(var reason, var detail, var retryAfter) -> {
                    streams.forEach(TokenStream::cancel);
                    meter.refused(reason.name().toLowerCase(Locale.ROOT));
                    return new Submission.Refused(reason, detail, retryAfter);
                }
            }
        }
        int promptTokens = parts.stream().mapToInt(part -> part.prompt().length).sum();
        Generation generation = open.add(new Generation(
                streams,
                new Generation.Prompts(parts.size(), promptTokens),
                model.tokenizer(),
                rules,
                new Generation.Dependencies(meter, open, new Bill(timelines, terms.rates()))));
        meter.admitted(new RequestMeter.Admitted(
                promptTokens, streams.size(), timelines, () -> generation.interrupt(Interruption.KEY_REVOKED)));
        return new Submission.Started(generation);
    }

    /// The most tokens that the request can come to: what its caller's quota is asked for.
    private static long tokensMax(TextRequest request, List<int[]> prompts, int[] outputTokensMax) {
        long tokens = 0;
        for (int i = 0; i < outputTokensMax.length; i++) {
            tokens += prompts.get(i).length + (long) request.choiceCount() * outputTokensMax[i];
        }
        return tokens;
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
            case Prompt.Chat chat -> tokenise(render(chat));
            case Prompt.Text(String text) -> model.tokenizer().encode(text);
            case Prompt.Tokens(int[] ids) -> {
                for (int id : ids) requireToken("prompt", id);
                yield ids;
            }
        };
        if (tokens.length == 0) throw new InvalidRequest(parameterOf(prompt), "has no tokens");
        return tokens;
    }

    private int[] tokenise(RenderedChat rendered) {
        int[] tokens = model.tokenizer().encode(rendered);
        if (tokens.length == 0) throw new InvalidRequest("messages", "has no tokens");
        return tokens;
    }

    /// The conversation as the model's template writes it.
    ///
    /// @throws InvalidRequest if it refuses
    public RenderedChat render(Prompt.Chat chat) {
        ChatTemplate template = model.chatTemplate()
                .orElseThrow(() -> new InvalidRequest(
                        "messages",
                        "cannot be used: the model \"" + model.name()
                                + "\" has no chat template; send a prompt to /v1/completions"));
        try {
            RenderedChat rendered = template.render(chat.messages(), new HashMap<>(chat.variables()));
            return chat.continuesLast() ? rendered.endingWith(lastContent(chat)) : rendered;
        } catch (ChatTemplateException e) {
            throw new InvalidRequest("messages", "were refused by the model's chat template: " + e.getMessage());
        }
    }

    private static String lastContent(Prompt.Chat chat) {
        return chat.messages().getLast().get("content") instanceof String text ? text : "";
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

    /// For each prompt the request's own limit; else the rest of the context and of the cache, capped by
    /// the tenant's or the operator's default, and by what the caller's quota can ever hold at once.
    private int[] outputTokensMax(TextRequest request, RequestTerms terms, List<int[]> prompts) {
        Integer wanted = request.maxTokens();
        long promptTokens = prompts.stream().mapToLong(prompt -> prompt.length).sum();
        long quota = terms.permit().tokensAtOnce().orElse(Long.MAX_VALUE) - promptTokens;
        long ofQuota = quota / ((long) prompts.size() * request.choiceCount());
        long most = Math.min(terms.outputTokensDefault().orElse(model.outputTokensMax()), ofQuota);
        return prompts.stream()
                .mapToInt(prompt -> {
                    if (wanted != null) return wanted;
                    long room = Math.min(contextMax(), engine.limits().cacheTokens()) - prompt.length;
                    return (int) Math.max(1, Math.min(room, most));
                })
                .toArray();
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
