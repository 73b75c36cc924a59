import com.openai.client.OpenAIClient;
import com.openai.client.okhttp.OpenAIOkHttpClient;
import com.openai.core.JsonValue;
import com.openai.errors.BadRequestException;
import com.openai.errors.NotFoundException;
import com.openai.helpers.ChatCompletionAccumulator;
import com.openai.models.FunctionDefinition;
import com.openai.models.FunctionParameters;
import com.openai.models.chat.completions.ChatCompletion;
import com.openai.models.chat.completions.ChatCompletionCreateParams;
import com.openai.models.chat.completions.ChatCompletionFunctionTool;
import com.openai.models.chat.completions.ChatCompletionStreamOptions;
import com.openai.models.chat.completions.ChatCompletionToolChoiceOption;
import com.openai.models.embeddings.EmbeddingCreateParams;
import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.embedding.Embedding;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ToolChoice;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.langchain4j.model.openai.OpenAiChatModel;
import dev.langchain4j.model.openai.OpenAiEmbeddingModel;
import dev.langchain4j.model.openai.OpenAiStreamingChatModel;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/// Checks a server with OpenAI's client for Java and with langchain4j. Arguments: base URL, key, model.
final class Check {
    private static final String ASK = "Tell me a story about a fox.";
    private static final String ZONES = "\\{\"zone\": ?\"(UTC|CET)\"}";

    private final String url;
    private final String key;
    private final String model;
    private final OpenAIClient client;

    private Check(String url, String key, String model) {
        this.url = url + "/v1";
        this.key = key;
        this.model = model;
        client = OpenAIOkHttpClient.builder()
                .baseUrl(this.url)
                .apiKey(key)
                .maxRetries(0)
                .timeout(Duration.ofMinutes(2))
                .build();
    }

    public static void main(String[] arguments) throws Exception {
        Check check = new Check(arguments[0], arguments[1], arguments[2]);
        check.chats();
        check.choices();
        check.calls();
        check.embeddings();
        check.errors();
        check.langchainChats();
        check.langchainCalls();
        check.langchainEmbeddings();
        System.exit(0); // the clients' threads would go on for a minute
    }

    private ChatCompletionCreateParams.Builder asking() {
        return ChatCompletionCreateParams.builder().model(model).addUserMessage(ASK).temperature(0);
    }

    private ChatCompletion streamed(ChatCompletionCreateParams request) {
        ChatCompletionAccumulator sum = ChatCompletionAccumulator.create();
        try (var chunks = client.chat().completions().createStreaming(request)) {
            chunks.stream().forEach(sum::accumulate);
        }
        return sum.chatCompletion();
    }

    private void chats() {
        ChatCompletion whole = client.chat().completions().create(asking().maxCompletionTokens(20).build());
        whole.validate();
        ChatCompletion streamed = streamed(asking()
                .maxCompletionTokens(20)
                .streamOptions(ChatCompletionStreamOptions.builder().includeUsage(true).build())
                .build());
        require(text(whole).equals(text(streamed)) && !text(whole).isBlank(), text(whole) + " / " + text(streamed));
        require(whole.usage().orElseThrow().completionTokens() == streamed.usage().orElseThrow().completionTokens(), "usage");
        done("a chat is answered, whole and as a stream alike");
    }

    private static String text(ChatCompletion answer) {
        return answer.choices().getFirst().message().content().orElse("");
    }

    private void choices() {
        ChatCompletion answer = streamed(asking().maxCompletionTokens(8).n(3).build());
        require(answer.choices().size() == 3, "choices: " + answer.choices().size());
        done("several choices come as a stream");
    }

    private void calls() {
        FunctionParameters parameters = FunctionParameters.builder()
                .putAdditionalProperty("type", JsonValue.from("object"))
                .putAdditionalProperty("properties", JsonValue.from(Map.of("zone", Map.of("enum", List.of("UTC", "CET")))))
                .putAdditionalProperty("required", JsonValue.from(List.of("zone")))
                .putAdditionalProperty("additionalProperties", JsonValue.from(false))
                .build();
        ChatCompletionCreateParams request = asking()
                .maxCompletionTokens(60)
                .addTool(ChatCompletionFunctionTool.builder()
                        .function(FunctionDefinition.builder().name("clock").parameters(parameters).build())
                        .build())
                .toolChoice(ChatCompletionToolChoiceOption.Auto.REQUIRED)
                .parallelToolCalls(false)
                .build();
        for (ChatCompletion answer : List.of(client.chat().completions().create(request), streamed(request))) {
            answer.validate();
            var choice = answer.choices().getFirst();
            require(choice.finishReason().equals(ChatCompletion.Choice.FinishReason.TOOL_CALLS), choice.toString());
            var call = choice.message().toolCalls().orElseThrow().getFirst().asFunction();
            require(call.function().name().equals("clock"), call.toString());
            require(call.function().arguments().matches(ZONES), call.function().arguments());
        }
        done("a required call has arguments that fit, whole and as a stream");
    }

    private void embeddings() {
        var answer = client.embeddings().create(EmbeddingCreateParams.builder()
                .model(model)
                .inputOfArrayOfStrings(List.of("a", "b"))
                .build());
        answer.validate();
        require(answer.data().size() == 2 && !answer.data().getFirst().embedding().isEmpty(), answer.toString());
        done("texts have embeddings");
    }

    private void errors() {
        try {
            client.chat().completions().create(asking().topP(7).build());
            throw new AssertionError("nonsense was accepted");
        } catch (BadRequestException e) {
            require(e.param().orElse("").equals("top_p") && e.type().isPresent(), e.toString());
        }
        try {
            client.chat().completions().create(asking().model("nope").build());
            throw new AssertionError("an unknown model was accepted");
        } catch (NotFoundException e) {
            require(e.code().orElse("").equals("model_not_found"), e.toString());
        }
        done("nonsense is an error of the client's own kind");
    }

    private void langchainChats() throws Exception {
        String whole = OpenAiChatModel.builder()
                .baseUrl(url).apiKey(key).modelName(model).temperature(0.0).maxTokens(20).maxRetries(0)
                .build()
                .chat(ASK);
        CompletableFuture<ChatResponse> end = new CompletableFuture<>();
        StringBuilder streamed = new StringBuilder();
        streaming().chat(ChatRequest.builder().messages(UserMessage.from(ASK)).build(), handler(streamed, end));
        ChatResponse last = end.get(2, TimeUnit.MINUTES);
        require(whole.contentEquals(streamed) && !whole.isBlank(), whole + " / " + streamed);
        require(last.tokenUsage().outputTokenCount() > 0, last.toString());
        done("langchain4j: a chat is answered, whole and as a stream alike");
    }

    private OpenAiStreamingChatModel streaming() {
        return OpenAiStreamingChatModel.builder()
                .baseUrl(url).apiKey(key).modelName(model).temperature(0.0).maxTokens(20)
                .build();
    }

    private static StreamingChatResponseHandler handler(StringBuilder text, CompletableFuture<ChatResponse> end) {
        return new StreamingChatResponseHandler() {
            @Override
            public void onPartialResponse(String piece) {
                text.append(piece);
            }

            @Override
            public void onCompleteResponse(ChatResponse response) {
                end.complete(response);
            }

            @Override
            public void onError(Throwable failure) {
                end.completeExceptionally(failure);
            }
        };
    }

    private void langchainCalls() throws Exception {
        ChatRequest request = ChatRequest.builder()
                .messages(UserMessage.from(ASK))
                .toolSpecifications(ToolSpecification.builder()
                        .name("clock")
                        .parameters(JsonObjectSchema.builder()
                                .addEnumProperty("zone", List.of("UTC", "CET"))
                                .required("zone")
                                .additionalProperties(false)
                                .build())
                        .build())
                .toolChoice(ToolChoice.REQUIRED)
                .build();
        CompletableFuture<ChatResponse> end = new CompletableFuture<>();
        OpenAiStreamingChatModel.builder()
                .baseUrl(url).apiKey(key).modelName(model).maxTokens(60).parallelToolCalls(false)
                .build()
                .chat(request, handler(new StringBuilder(), end));
        var calls = end.get(2, TimeUnit.MINUTES).aiMessage().toolExecutionRequests();
        require(calls.size() == 1 && calls.getFirst().arguments().matches(ZONES), calls.toString());
        done("langchain4j: a required call has arguments that fit");
    }

    private void langchainEmbeddings() {
        Embedding embedding = OpenAiEmbeddingModel.builder()
                .baseUrl(url).apiKey(key).modelName(model).maxRetries(0)
                .build()
                .embed("a")
                .content();
        require(embedding.dimension() > 1, embedding.toString());
        done("langchain4j: texts have embeddings");
    }

    private static void require(boolean holds, String found) {
        if (!holds) throw new AssertionError(found);
    }

    private static void done(String what) {
        System.out.println("ok " + what);
    }
}
