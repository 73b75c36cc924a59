package io.sluice.server.generation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sluice.batching.InvalidPolicy;
import io.sluice.batching.PrefixScope;
import io.sluice.batching.PromptWish;
import io.sluice.modelstore.ChatTemplate;
import io.sluice.modelstore.GenerationDefaults;
import io.sluice.modelstore.ModelFiles;
import io.sluice.modelstore.ModelStore;
import io.sluice.server.output.OutputFormat;
import io.sluice.server.policy.PrefixSalts;
import io.sluice.server.policy.SharedPrefix;
import io.sluice.server.policy.SharedPrefix.Content;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// With the real template and tokenizer of the demo model.
class SharedPrefixesTest {
    private static final String SYSTEM = "You are the help desk of Acme. Answer in one sentence.";

    @TempDir
    @SuppressWarnings("NullAway.Init") // JUnit sets it
    static Path folder;

    @SuppressWarnings("NullAway.Init") // opened before all tests
    private static ModelFiles files;

    private final PrefixSalts salts = new PrefixSalts(new SecureRandom());

    @BeforeAll
    static void open() {
        files = ModelStore.openDemo(folder);
    }

    @AfterAll
    static void close() {
        files.close();
    }

    @Test
    void every_conversation_with_the_system_message_shares_its_beginning_whatever_the_user_says() {
        SharedPrefixes prefixes = prefixes(system("desk", SYSTEM, Optional.empty()));
        int shared = -1;
        for (String user :
                new String[] {"Hello", "7 times 8?", " leading space", "\nnewline", "ünï", "a", "", "<|im_end|>"}) {
            PrefixScope scope = prefixes.scope(chat(SYSTEM, user), "acme", 5);
            assertThat(scope.salt()).isEqualTo(5);
            assertThat(scope.sharedSalt()).isEqualTo(salts.ofSharedPrefix("desk"));
            assertThat(scope.sharedTokens()).as(user).isGreaterThan(10);
            if (shared >= 0) assertThat(scope.sharedTokens()).as(user).isEqualTo(shared);
            shared = scope.sharedTokens();
        }
    }

    @Test
    void another_system_message_or_another_beginning_shares_nothing() {
        SharedPrefixes prefixes = prefixes(system("desk", SYSTEM, Optional.empty()));
        assertThat(prefixes.scope(chat(SYSTEM + " Be kind.", "Hello"), "acme", 5))
                .isEqualTo(PrefixScope.of(5));
        assertThat(prefixes.scope(chat("You are somebody else.", "Hello"), "acme", 5))
                .isEqualTo(PrefixScope.of(5));
        assertThat(prefixes.scope(chat("You are", "Hello"), "acme", 5)).isEqualTo(PrefixScope.of(5));
        assertThat(prefixes.scope(new int[] {1}, "acme", 5)).isEqualTo(PrefixScope.of(5));
    }

    @Test
    void only_the_named_tenants_share_it() {
        SharedPrefixes prefixes = prefixes(system("desk", SYSTEM, Optional.of(Set.of("acme", "umbrella"))));
        assertThat(prefixes.scope(chat(SYSTEM, "Hi"), "acme", 1).sharedTokens()).isPositive();
        assertThat(prefixes.scope(chat(SYSTEM, "Hi"), "umbrella", 2).sharedTokens())
                .isPositive();
        assertThat(prefixes.scope(chat(SYSTEM, "Hi"), "eve", 3)).isEqualTo(PrefixScope.of(3));
    }

    @Test
    void the_longest_one_that_is_open_to_the_tenant_counts() {
        SharedPrefix shorter = text("shorter", "Once upon a time", Optional.empty());
        SharedPrefix longer = text("longer", "Once upon a time there was a fox", Optional.of(Set.of("acme")));
        SharedPrefixes prefixes = prefixes(shorter, longer);
        int[] prompt = files.tokenizer().encode("Once upon a time there was a fox who sang");
        assertThat(prefixes.scope(prompt, "acme", 1).sharedSalt()).isEqualTo(salts.ofSharedPrefix("longer"));
        assertThat(prefixes.scope(prompt, "eve", 1).sharedSalt()).isEqualTo(salts.ofSharedPrefix("shorter"));
        assertThat(prefixes.scope(prompt, "acme", 1).sharedTokens())
                .isGreaterThan(prefixes.scope(prompt, "eve", 1).sharedTokens());
    }

    @Test
    void a_template_that_cannot_say_it_is_an_error_that_names_the_prefix() {
        ServedModel without = served(Optional.empty());
        assertThatThrownBy(() -> SharedPrefixes.of(List.of(system("desk", SYSTEM, Optional.empty())), without, salts))
                .isInstanceOf(InvalidPolicy.class)
                .hasMessageContaining("has no chat template")
                .extracting(e -> ((InvalidPolicy) e).field())
                .isEqualTo("shared-prefixes.desk");
        ServedModel refusing = served(Optional.of((_, _) -> {
            throw new ChatTemplate.ChatTemplateException("no system messages here");
        }));
        assertThatThrownBy(() -> SharedPrefixes.of(List.of(system("desk", SYSTEM, Optional.empty())), refusing, salts))
                .isInstanceOf(InvalidPolicy.class)
                .hasMessageContaining("no system messages here");
    }

    private SharedPrefixes prefixes(SharedPrefix... prefixes) {
        return SharedPrefixes.of(List.of(prefixes), served(files.chatTemplate()), salts);
    }

    private static ServedModel served(Optional<ChatTemplate> template) {
        GenerationDefaults defaults = files.generationDefaults();
        return new ServedModel(
                List.of("demo"),
                files.tokenizer(),
                template,
                defaults,
                100,
                1,
                new ServedModel.Traits(
                        "llama", "BF16", false, 512, new ServedModel.Embeddings(8, PromptWish.Pooling.LAST)),
                OutputFormat.PLAIN);
    }

    private static int[] chat(String system, String user) {
        return files.tokenizer()
                .encode(files.chatTemplate()
                        .orElseThrow()
                        .render(
                                List.of(
                                        new HashMap<>(Map.of("role", "system", "content", system)),
                                        new HashMap<>(Map.of("role", "user", "content", user))),
                                new HashMap<>()));
    }

    private static SharedPrefix system(String name, String text, Optional<Set<String>> tenants) {
        return new SharedPrefix(name, new Content.SystemMessage(text), tenants);
    }

    private static SharedPrefix text(String name, String text, Optional<Set<String>> tenants) {
        return new SharedPrefix(name, new Content.PlainText(text), tenants);
    }
}
