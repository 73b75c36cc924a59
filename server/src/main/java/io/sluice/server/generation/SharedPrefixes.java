package io.sluice.server.generation;

import static java.util.Comparator.comparingInt;

import io.sluice.batching.InvalidPolicy;
import io.sluice.batching.PrefixScope;
import io.sluice.modelstore.ChatTemplate;
import io.sluice.modelstore.ChatTemplate.ChatTemplateException;
import io.sluice.server.policy.PrefixSalts;
import io.sluice.server.policy.SharedPrefix;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// The beginnings of prompts that an operator lets tenants share, as tokens of the served model. A value; any thread.
public final class SharedPrefixes {

    /// As long as there is none.
    public static final SharedPrefixes NONE = new SharedPrefixes(List.of());

    /// What a user may say after a system message: what all of these leave alike is the template's and the system
    /// message's doing. A letter, a digit and a sign, because tokens may reach across the boundary.
    private static final List<String> ANYTHING = List.of("a", "7", "\"Q");

    private final List<Tokenised> longestFirst;

    /// @param salt of the part of the prefix cache that holds it
    private record Tokenised(SharedPrefix prefix, long salt, int[] tokens) {

        boolean begins(int[] prompt) {
            return tokens.length <= prompt.length && Arrays.equals(prompt, 0, tokens.length, tokens, 0, tokens.length);
        }
    }

    private SharedPrefixes(List<Tokenised> longestFirst) {
        this.longestFirst = longestFirst;
    }

    /// Tokenises them.
    ///
    /// @throws InvalidPolicy if one can never be the beginning of a prompt
    public static SharedPrefixes of(List<SharedPrefix> prefixes, ServedModel model, PrefixSalts salts) {
        return new SharedPrefixes(prefixes.stream()
                .map(prefix -> new Tokenised(prefix, salts.ofSharedPrefix(prefix.name()), tokens(prefix, model)))
                .sorted(comparingInt((Tokenised one) -> one.tokens().length).reversed())
                .toList());
    }

    /// With whom a prompt shares its blocks: its tenant alone, but for its beginning if that is a shared one.
    PrefixScope scope(int[] prompt, String tenant, long salt) {
        for (Tokenised one : longestFirst) {
            if (one.prefix().isOpenTo(tenant) && one.begins(prompt)) {
                return new PrefixScope(salt, one.salt(), one.tokens().length);
            }
        }
        return PrefixScope.of(salt);
    }

    private static int[] tokens(SharedPrefix prefix, ServedModel model) {
        String field = "shared-prefixes." + prefix.name();
        int[] tokens = switch (prefix.content()) {
            case SharedPrefix.Content.PlainText(String text) ->
                model.tokenizer().encode(text);
            case SharedPrefix.Content.SystemMessage(String text) -> beginning(field, text, model);
        };
        if (tokens.length == 0) throw new InvalidPolicy(field, "leaves no token that all of its prompts begin with");
        return tokens;
    }

    /// What every conversation begins with that begins with this system message.
    private static int[] beginning(String field, String system, ServedModel model) {
        ChatTemplate template = model.chatTemplate()
                .orElseThrow(() -> new InvalidPolicy(
                        field, "is a system message, but the model \"" + model.name() + "\" has no chat template"));
        try {
            List<int[]> conversations = ANYTHING.stream()
                    .map(user -> template.render(
                            List.of(
                                    new HashMap<>(Map.of("role", "system", "content", system)),
                                    new HashMap<>(Map.of("role", "user", "content", user))),
                            new HashMap<>()))
                    .map(model.tokenizer()::encode)
                    .toList();
            int[] first = conversations.getFirst();
            int length = conversations.stream()
                    .mapToInt(other -> alike(first, other))
                    .min()
                    .orElseThrow();
            return Arrays.copyOf(first, length);
        } catch (ChatTemplateException e) {
            throw new InvalidPolicy(field, "was refused by the model's chat template: " + e.getMessage());
        }
    }

    private static int alike(int[] one, int[] other) {
        int mismatch = Arrays.mismatch(one, other);
        return mismatch < 0 ? one.length : mismatch;
    }
}
