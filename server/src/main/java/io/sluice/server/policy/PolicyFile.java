package io.sluice.server.policy;

import io.sluice.batching.InvalidPolicy;
import io.sluice.batching.TrafficClass;
import io.sluice.server.settings.ConfigText;
import io.sluice.server.settings.NearestName;
import io.sluice.server.settings.SettingsException;
import io.sluice.server.settings.YamlReader;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// The `policy` of a YAML file, read. One thread.
public final class PolicyFile {
    private static final List<String> SECTIONS =
            List.of("classes", "tenants", "default-tenant", "shared-prefixes", "prices");

    private final YamlReader yaml;
    private final Map<String, TrafficClass> classes = Policy.builtInClasses();
    private final Set<String> seenClasses = new LinkedHashSet<>();
    private final Map<String, TenantFields.Unresolved> tenants = new HashMap<>();
    private final Map<TenantFields.Unresolved, TenantFields.Unresolved> distinct = new HashMap<>();
    private final Map<String, Integer> classLines = new HashMap<>(); // where a class's name was used first
    private final Map<String, Integer> sectionLines = new HashMap<>();
    private final List<SharedPrefix> sharedPrefixes = new ArrayList<>();
    private @Nullable FieldReader pricesReader; // null without a price table
    private final PriceFields prices = new PriceFields();
    private boolean seen;
    private TenantFields.Unresolved defaultTenant = new TenantFields().made();

    private PolicyFile(YamlReader yaml) {
        this.yaml = yaml;
    }

    /// The policy without its keys; the usual one if the text says nothing about it.
    ///
    /// @throws SettingsException naming file and line
    public static Policy read(ConfigText config) {
        try (YamlReader yaml = config.open()) {
            return new PolicyFile(yaml).read();
        }
    }

    private Policy read() {
        yaml.document(name -> {
            if (!name.equals(ConfigText.POLICY)) {
                yaml.skip();
                return;
            }
            if (seen) throw yaml.wrong("policy is there twice");
            seen = true;
            section();
        });
        try {
            return new Policy(
                    classes, resolve(defaultTenant), resolved(), sharedPrefixes, priceTable(), Optional.empty());
        } catch (InvalidPolicy e) {
            throw at(sectionLines.getOrDefault(e.field(), 1), "policy." + e.field() + " " + e.getMessage());
        }
    }

    private void section() {
        new FieldReader(yaml, ConfigText.POLICY).fields(SECTIONS, section -> {
            sectionLines.put(section, yaml.line());
            switch (section) {
                case "classes" -> yaml.mapping("classes, each `name: {...}`", this::trafficClass);
                case "tenants" -> yaml.mapping("tenants, each `name: {...}`", this::tenant);
                case "default-tenant" -> defaultTenant = terms("policy.default-tenant");
                case "prices" -> prices();
                case "shared-prefixes" -> yaml.mapping("shared prefixes, each `name: {...}`", this::sharedPrefix);
                default -> throw new IllegalArgumentException(section);
            }
        });
    }

    private void trafficClass(String name) {
        FieldReader reader = entry("policy.classes.", name, Names.problem(name), !seenClasses.add(name));
        ClassFields fields = new ClassFields(name, classes.getOrDefault(name, TrafficClass.STANDARD));
        reader.fields(ClassFields.NAMES, field -> fields.take(field, reader));
        classes.put(name, reader.checked(fields::made));
    }

    private void tenant(String name) {
        entry("policy.tenants.", name, Names.tenantProblem(name), tenants.containsKey(name));
        if (tenants.size() == Policy.TENANTS_MAX) {
            throw yaml.wrong("policy.tenants lists more than " + Policy.TENANTS_MAX + " tenants");
        }
        TenantFields.Unresolved terms = terms("policy.tenants." + name);
        tenants.put(name, distinct.computeIfAbsent(terms, it -> it));
    }

    private TenantFields.Unresolved terms(String path) {
        FieldReader reader = new FieldReader(yaml, path);
        TenantFields fields = new TenantFields();
        reader.fields(TenantFields.NAMES, field -> {
            fields.take(field, reader);
            if (field.equals(TenantFields.CLASS)) classLines.putIfAbsent(fields.className(), yaml.line());
        });
        return reader.checked(fields::made);
    }

    private void sharedPrefix(String name) {
        boolean twice = sharedPrefixes.stream().anyMatch(other -> other.name().equals(name));
        FieldReader reader = entry("policy.shared-prefixes.", name, Names.problem(name), twice);
        PrefixFields fields = new PrefixFields(name);
        reader.fields(PrefixFields.NAMES, field -> fields.take(field, reader));
        sharedPrefixes.add(fields.made(reader));
    }

    private void prices() {
        FieldReader reader = new FieldReader(yaml, "policy.prices");
        pricesReader = reader;
        reader.fields(PriceFields.NAMES, field -> {
            if (field.equals("classes")) yaml.mapping("classes' prices, each `name: {...}`", this::classPrices);
            else prices.take(field, reader);
        });
    }

    private void classPrices(String name) {
        prices.takeClass(name, new FieldReader(yaml, "policy.prices.classes." + name));
    }

    private Optional<Prices> priceTable() {
        return Optional.ofNullable(pricesReader).map(reader -> prices.made(reader, classes.keySet()));
    }

    private FieldReader entry(String parent, String name, String problem, boolean twice) {
        if (!problem.isEmpty()) throw yaml.wrong(parent + "\"" + name + "\": a name " + problem);
        if (twice) throw yaml.wrong(parent + name + " is there twice");
        return new FieldReader(yaml, parent + name);
    }

    /// Tenants that share unresolved terms share resolved ones.
    private Map<String, TenantTerms> resolved() {
        Map<TenantFields.Unresolved, TenantTerms> resolved = new HashMap<>();
        Map<String, TenantTerms> all = LinkedHashMap.newLinkedHashMap(tenants.size());
        tenants.forEach((name, terms) -> all.put(name, resolved.computeIfAbsent(terms, this::resolve)));
        return all;
    }

    private TenantTerms resolve(TenantFields.Unresolved terms) {
        TrafficClass trafficClass = classes.get(terms.className());
        if (trafficClass != null) return terms.with(trafficClass);
        throw at(
                classLines.getOrDefault(terms.className(), 1),
                "there is no class \"" + terms.className() + "\""
                        + NearestName.hint(terms.className(), classes.keySet()) + "; policy.classes defines them");
    }

    private SettingsException at(int line, String problem) {
        return new SettingsException(yaml.place(line) + ": " + problem);
    }
}
