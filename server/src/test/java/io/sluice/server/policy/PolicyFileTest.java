package io.sluice.server.policy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sluice.batching.TrafficClass;
import io.sluice.server.quota.QuotaLimits;
import io.sluice.server.settings.ConfigText;
import io.sluice.server.settings.SettingsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PolicyFileTest {

    @Test
    void without_a_word_about_it_the_policy_is_the_usual_one() {
        for (String text :
                new String[] {"", "# nothing\n", "port: 9\n", "policy:\n", "policy: {}\n", "policy:\n  tenants:\n"}) {
            assertThat(read(text)).as(text).isEqualTo(Policy.USUAL);
        }
        assertThat(Policy.USUAL.classes().values()).containsExactlyElementsOf(TrafficClass.BUILT_IN);
        assertThat(Policy.USUAL.terms("anybody")).isEqualTo(TenantTerms.USUAL);
    }

    @Test
    void a_built_in_class_is_changed_field_by_field_and_a_new_one_begins_as_standard() {
        Policy policy = read("""
                policy:
                  classes:
                    batch: {ttft: 2h, reserve: 50%}
                    bulk:
                      rank: 9
                      parkable: yes
                      floor: 0.02
                      itl: 200ms
                      aging: 90s
                      max-waiting: 1000
                """);
        TrafficClass batch = Objects.requireNonNull(policy.classes().get("batch"));
        assertThat(batch.firstTokenTargetNs()).isEqualTo(Duration.ofHours(2).toNanos());
        assertThat(batch.reserveQuantile()).isEqualTo(0.5);
        assertThat(batch.rank()).isEqualTo(TrafficClass.BATCH.rank());
        assertThat(batch.parkable()).isTrue();
        TrafficClass bulk = Objects.requireNonNull(policy.classes().get("bulk"));
        assertThat(bulk.rank()).isEqualTo(9);
        assertThat(bulk.parkable()).isTrue();
        assertThat(bulk.guaranteed()).isFalse();
        assertThat(bulk.floor()).isEqualTo(0.02);
        assertThat(bulk.tokenGapTargetNs()).isEqualTo(Duration.ofMillis(200).toNanos());
        assertThat(bulk.agingNs()).isEqualTo(Duration.ofSeconds(90).toNanos());
        assertThat(bulk.waitingMax()).isEqualTo(1000);
        assertThat(bulk.firstTokenTargetNs()).isEqualTo(TrafficClass.STANDARD.firstTokenTargetNs());
        assertThat(policy.classes().keySet()).containsExactly("guaranteed", "interactive", "standard", "batch", "bulk");
    }

    @Test
    void a_tenant_has_every_field_and_may_use_a_class_that_is_defined_later() {
        Policy policy = read("""
                policy:
                  tenants:
                    acme:
                      class: gold
                      weight: 2.5
                      kv-floor: 10%
                      kv-ceiling: 0.5
                      requests-per-minute: 600
                      tokens-per-minute: 1_000_000
                      max-concurrent: 20
                      ttft-deadline: 5s
                      deadline: 2m
                      max-tokens-default: 256
                    small: {}
                  classes:
                    gold: {rank: 1}
                  default-tenant: {class: batch, requests-per-minute: 60}
                """);
        TenantTerms acme = policy.terms("acme");
        assertThat(acme.trafficClass().name()).isEqualTo("gold");
        assertThat(acme.weight()).isEqualTo(2.5);
        assertThat(acme.kvFloor()).isEqualTo(0.1);
        assertThat(acme.kvCeiling()).isEqualTo(0.5);
        assertThat(acme.limits()).isEqualTo(new QuotaLimits(600, 1_000_000, 20));
        assertThat(acme.firstTokenWithin()).contains(Duration.ofSeconds(5));
        assertThat(acme.within()).contains(Duration.ofMinutes(2));
        assertThat(acme.outputTokensDefault()).isEqualTo(OptionalInt.of(256));
        assertThat(acme.tenant("acme").weight()).isEqualTo(2.5);
        // A listed tenant says everything about itself.
        assertThat(policy.terms("small")).isEqualTo(TenantTerms.USUAL);
        assertThat(policy.terms("nobody").trafficClass().name()).isEqualTo("batch");
        assertThat(policy.terms("nobody").limits().requestsPerMinute()).isEqualTo(60);
    }

    @Test
    void shared_prefixes_are_texts_or_files_for_named_tenants_or_all(@TempDir Path folder) throws Exception {
        Path file = Files.writeString(folder.resolve("handbook.txt"), "The handbook says: ");
        Policy policy = read("""
                policy:
                  shared-prefixes:
                    helpdesk: {system: You help., tenants: [acme, umbrella]}
                    handbook:
                      text-file: %s
                      tenants: all
                """.formatted(file));
        SharedPrefix helpdesk = policy.sharedPrefixes().getFirst();
        assertThat(helpdesk.content()).isEqualTo(new SharedPrefix.Content.SystemMessage("You help."));
        assertThat(helpdesk.isOpenTo("acme")).isTrue();
        assertThat(helpdesk.isOpenTo("other-one")).isFalse();
        SharedPrefix handbook = policy.sharedPrefixes().getLast();
        assertThat(handbook.content()).isEqualTo(new SharedPrefix.Content.PlainText("The handbook says: "));
        assertThat(handbook.isOpenTo("anybody")).isTrue();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "tenants: {acme: {wieght: 2}} | :2: policy.tenants.acme has no field \"wieght\" (did you mean weight?)",
                "tenants: {acme: {class: interactiv}} | :2: there is no class \"interactiv\" (did you mean interactive?)",
                "tenant: {acme: {}} | :2: policy has no field \"tenant\" (did you mean tenants?)",
                "tenants: {acme: {}, acme: {}} | :2: policy.tenants.acme is there twice",
                "tenants: {acme: {weight: 1, weight: 2}} | :2: policy.tenants.acme.weight is there twice",
                "tenants: {acme: {weight: 0}} | :2: policy.tenants.acme.weight must be between 0.001 and 1000, got 0.0",
                "tenants: {acme: {weight: -1}} | policy.tenants.acme.weight must be between",
                "tenants: {acme: {weight: .nan}} | policy.tenants.acme.weight must be a number, got \".nan\"",
                "tenants: {acme: {weight: NaN}} | policy.tenants.acme.weight must be a number",
                "tenants: {acme: {weight: 1e400}} | policy.tenants.acme.weight must be a number",
                "tenants: {acme: {kv-floor: 60%, kv-ceiling: 50%}} | policy.tenants.acme.kv-floor must be between 0 and kv-ceiling",
                "tenants: {a: {kv-floor: 0.5}, b: {kv-floor: 0.41}} | :2: policy.tenants promise more memory than there is: their kv-floors add up to 0.91",
                "tenants: {acme: {requests-per-minute: 0}} | policy.tenants.acme.requests-per-minute must be a whole number from 1 to",
                "tenants: {acme: {tokens-per-minute: many}} | policy.tenants.acme.tokens-per-minute must be a whole number from 1 to",
                "tenants: {acme: {max-concurrent: 1.5}} | policy.tenants.acme.max-concurrent must be a whole number from 1 to",
                "tenants: {acme: {deadline: soon}} | policy.tenants.acme.deadline must be a time such as",
                "tenants: {acme: {deadline: 0}} | policy.tenants.acme.deadline must be more than nothing",
                "tenants: {acme: {deadline: 999999999h}} | policy.tenants.acme.deadline must be at most 365 days",
                "tenants: {acme: 7} | :2: must be fields of policy.tenants.acme",
                "tenants: [acme] | :2: must be tenants, each `name: {...}`",
                "tenants: {'': {}} | policy.tenants.\"\": a name must be up to 64 letters",
                "tenants: {'a b': {}} | policy.tenants.\"a b\": a name must be up to 64 letters",
                "tenants: {other: {}} | policy.tenants.\"other\": a name is a word with another meaning",
                "default-tenant: {kv-floor: 0.1} | :2: policy.default-tenant cannot have a kv-floor",
                "default-tenant: {class: nope} | :2: there is no class \"nope\"",
                "classes: {gold: {floor: 0.7}} | :2: policy.classes promise more time than there is: their floors add up to 1.05",
                "classes: {gold: {floor: 1}} | :2: policy.classes.gold.floor must be at least 0 and less than 1",
                "classes: {gold: {guaranteed: true, floor: 0}} | :2: policy.classes make a promise that cannot be kept: \"gold\" is guaranteed and has rank 2, but \"interactive\" with rank 1",
                "classes: {interactive: {rank: 0}} | \"guaranteed\" is guaranteed and has rank 0, but \"interactive\" with rank 0 would go first",
                "classes: {guaranteed: {parkable: true}} | policy.classes.guaranteed.parkable cannot be true of a guaranteed class",
                "classes: {gold: {rank: 101}} | policy.classes.gold.rank must be a whole number from 0 to 100",
                "classes: {gold: {reserve: 0}} | policy.classes.gold.reserve must be more than 0 and at most 1",
                "classes: {gold: {reserve: 101%}} | policy.classes.gold.reserve must be more than 0 and at most 1",
                "classes: {gold: {aging: 0s}} | policy.classes.gold.aging must be more than nothing",
                "classes: {gold: {itl: never}} | policy.classes.gold.itl must be a time such as",
                "classes: {gold: {max-waiting: 0}} | policy.classes.gold.max-waiting must be a whole number from 1 to",
                "classes: {gold: {parkable: maybe}} | policy.classes.gold.parkable must be true or false",
                "classes: {gold: {}, gold: {}} | policy.classes.gold is there twice",
                "shared-prefixes: {x: {system: a}} | policy.shared-prefixes.x needs tenants: a list of names, or all",
                "shared-prefixes: {x: {tenants: all}} | needs one of system, system-file, text and text-file",
                "shared-prefixes: {x: {system: a, text: b, tenants: all}} | must have one of system",
                "shared-prefixes: {x: {system: '', tenants: all}} | policy.shared-prefixes.x system must hold between 1 and",
                "shared-prefixes: {x: {system: a, tenants: [all, acme]}} | lists tenants beside all",
                "shared-prefixes: {x: {text-file: /nowhere/x.txt, tenants: all}} | text-file cannot be read",
                "shared-prefixes: {x: {file: x.txt, tenants: all}} | has no field \"file\"",
                "prices: {per-device-hour: 1} | needs a currency, such as EUR",
                "prices: {currency: euro} | has the currency \"euro\"; three letters are expected",
                "prices: {currency: EUR, per-device-hour: -1} | per-device-hour must be between 0 and 999999999, got -1",
                "prices: {currency: EUR, per-kv-block-hour: 1e300} | per-kv-block-hour must be between 0 and 999999999, got 1.0E300",
                "prices: {currency: EUR, per-device-hour: .inf} | per-device-hour must be a number, got \".inf\"",
                "prices: {currency: EUR, per-hour: 1} | has no field \"per-hour\"",
                "prices: {currency: EUR, classes: {gold: {per-device-hour: 1}}} | names a class \"gold\" that there is not",
                "tenants: &anchor {acme: {}} | :2: anchors and aliases are not supported",
                "tenants: {acme: {weight: !!float 1}} | :2: not valid YAML: Global tag is not allowed"
            })
    void what_cannot_be_kept_or_meant_is_refused_with_its_line(String line, String message) {
        assertThatThrownBy(() -> read("policy:\n  " + line + "\n"))
                .isInstanceOf(SettingsException.class)
                .hasMessageContaining(message)
                .hasMessageStartingWith("sluice.yaml:");
    }

    @Test
    void the_line_is_that_of_the_mistake() {
        assertThatThrownBy(() ->
                        read("port: 1\npolicy:\n  tenants:\n    a: {}\n    b:\n      weight: 1\n      kv-flor: 0\n"))
                .hasMessage("sluice.yaml:7: policy.tenants.b has no field \"kv-flor\" (did you mean kv-floor?)");
        assertThatThrownBy(() -> read(
                        "policy:\n  default-tenant: {}\n  tenants:\n    a: {}\n    b:\n      class: x\n    c: {}\n"))
                .hasMessageStartingWith("sluice.yaml:6: there is no class \"x\"");
    }

    @Test
    void what_is_no_yaml_or_comes_twice_is_refused_with_its_line() {
        assertThatThrownBy(() -> read("policy:\n  tenants: {acme: {weight: 1}\n"))
                .hasMessageContaining("sluice.yaml:3: not valid YAML");
        assertThatThrownBy(() -> read("policy:\n  tenants: {acme: {}}\n  tenants: {b: {}}\n"))
                .hasMessage("sluice.yaml:3: policy.tenants is there twice");
        assertThatThrownBy(() -> read("policy: {}\npolicy: {}\n")).hasMessage("sluice.yaml:2: policy is there twice");
    }

    @Test
    void a_file_of_two_documents_is_refused() {
        assertThatThrownBy(() -> read("policy: {}\n---\npolicy: {}\n")).hasMessageContaining("only one document");
    }

    @ParameterizedTest
    @ValueSource(strings = {"[", "{", "- "})
    void nesting_without_end_is_an_error_like_another(String open) {
        assertThatThrownBy(() -> read("policy:\n  tenants: " + open.repeat(100_000)))
                .isInstanceOf(SettingsException.class);
    }

    @Test
    void equal_terms_are_one_object_however_many_tenants_have_them() {
        Policy policy = read("policy: {tenants: {a: {weight: 2}, b: {weight: 2}, c: {weight: 3}}}");
        assertThat(policy.terms("a")).isSameAs(policy.terms("b")).isNotEqualTo(policy.terms("c"));
        assertThat(policy.tenants().keySet())
                .isEqualTo(Map.of("a", 1, "b", 2, "c", 3).keySet());
    }

    private static Policy read(String text) {
        return PolicyFile.read(new ConfigText.Given("sluice.yaml", text));
    }
}
