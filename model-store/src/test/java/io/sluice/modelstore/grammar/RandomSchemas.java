package io.sluice.modelstore.grammar;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/// Draws schemas of all constructs that are supported, also in combinations that nobody would write.
final class RandomSchemas {
    private static final List<String> NAMES = List.of("a", "b", "name", "id", "Zoë", "x\\\"y", "list", "next");
    private static final List<String> FORMATS =
            List.of("date", "time", "date-time", "uuid", "ipv4", "ipv6", "hostname", "uri", "duration");
    private static final List<String> PATTERNS = List.of(
            "^[a-z]{2,5}$",
            "^\\\\d{3}-\\\\d{4}$",
            "^(foo|bar)+$",
            "x[0-9]",
            "^[^\\\"]*$",
            "^a.c$",
            "ab?c*$",
            "^[é-ü]+$");
    private static final List<String> VALUES = List.of(
            "1",
            "-2.5",
            "\"red\"",
            "\"gr\\\"een\"",
            "\"日本\"",
            "true",
            "null",
            "[1, \"a\"]",
            "{\"k\": [null]}",
            "1000000");

    private final SplittableRandom random;

    RandomSchemas(SplittableRandom random) {
        this.random = random;
    }

    String schema() {
        String inner = random.nextInt(4) == 0 ? schema(3) : object(3);
        String open = inner.substring(0, inner.length() - 1) + (inner.equals("{}") ? "" : ", ");
        return open + "\"$defs\": {\"tree\": " + TREE + ", \"pair\": " + object(1) + "}}";
    }

    private static final String TREE = "{\"type\": \"object\", \"properties\": {\"v\": {\"type\": \"integer\"}, "
            + "\"kids\": {\"type\": \"array\", \"items\": {\"$ref\": \"#/$defs/tree\"}, \"maxItems\": 2}}, "
            + "\"required\": [\"v\", \"kids\"], \"additionalProperties\": false}";

    private String schema(int depth) {
        int kind = random.nextInt(depth > 0 ? 14 : 8);
        return switch (kind) {
            case 0 -> string();
            case 1 -> number("integer");
            case 2 -> number("number");
            case 3 -> "{\"type\": \"boolean\"}";
            case 4 -> "{\"type\": [\"string\", \"null\"], \"maxLength\": " + random.nextInt(90) + "}";
            case 5 -> "{\"enum\": [" + pick(VALUES) + ", " + pick(VALUES) + "]}";
            case 6 -> "{\"const\": " + pick(VALUES) + "}";
            case 7 -> "{}";
            case 8 -> array(depth - 1);
            case 9 -> "{\"anyOf\": [" + schema(depth - 1) + ", " + schema(depth - 1) + "]}";
            case 10 -> "{\"$ref\": \"#/$defs/" + (random.nextBoolean() ? "tree" : "pair") + "\"}";
            case 11 -> "{\"allOf\": [" + object(depth - 1) + ", " + object(depth - 1) + "]}";
            case 12 -> "{\"oneOf\": [" + string() + ", " + array(depth - 1) + "]}";
            default -> object(depth - 1);
        };
    }

    private String string() {
        return switch (random.nextInt(4)) {
            case 0 -> "{\"type\": \"string\", \"pattern\": \"" + pick(PATTERNS) + "\"}";
            case 1 -> "{\"type\": \"string\", \"format\": \"" + pick(FORMATS) + "\"}";
            case 2 -> {
                int min = random.nextInt(80);
                yield "{\"type\": \"string\", \"minLength\": " + min + ", \"maxLength\": " + (min + random.nextInt(120))
                        + "}";
            }
            default -> "{\"type\": \"string\"}";
        };
    }

    private String number(String type) {
        List<String> keywords = new ArrayList<>(List.of("\"type\": \"" + type + "\""));
        double low = Math.rint((random.nextDouble() - 0.5) * 4000) / (random.nextBoolean() ? 1 : 100);
        if (random.nextBoolean())
            keywords.add("\"" + (random.nextBoolean() ? "minimum" : "exclusiveMinimum") + "\": " + low);
        double high = low + 20 + random.nextInt(500);
        if (random.nextBoolean())
            keywords.add("\"" + (random.nextBoolean() ? "maximum" : "exclusiveMaximum") + "\": " + high);
        if (random.nextInt(4) == 0) keywords.add("\"multipleOf\": " + (type.equals("integer") ? 7 : 0.01));
        return "{" + String.join(", ", keywords) + "}";
    }

    private String array(int depth) {
        List<String> keywords = new ArrayList<>(List.of("\"type\": \"array\""));
        if (random.nextBoolean()) keywords.add("\"items\": " + schema(depth));
        if (random.nextInt(3) == 0) keywords.add("\"prefixItems\": [" + schema(depth) + ", " + schema(depth) + "]");
        int min = random.nextInt(3);
        if (random.nextBoolean()) keywords.add("\"minItems\": " + min);
        if (random.nextBoolean()) keywords.add("\"maxItems\": " + (min + random.nextInt(3)));
        return "{" + String.join(", ", keywords) + "}";
    }

    private String object(int depth) {
        List<String> names = NAMES.stream().filter(_ -> random.nextInt(3) == 0).toList();
        List<String> keywords = new ArrayList<>(List.of("\"type\": \"object\""));
        List<String> properties = names.stream()
                .map(name -> "\"" + name + "\": " + schema(depth - 1))
                .toList();
        if (!properties.isEmpty()) keywords.add("\"properties\": {" + String.join(", ", properties) + "}");
        List<String> required = names.stream()
                .filter(_ -> random.nextBoolean())
                .map(name -> "\"" + name + "\"")
                .toList();
        if (!required.isEmpty()) keywords.add("\"required\": [" + String.join(", ", required) + "]");
        switch (random.nextInt(5)) {
            case 0 -> keywords.add("\"additionalProperties\": false");
            case 1 -> keywords.add("\"additionalProperties\": true");
            case 2 -> keywords.add("\"additionalProperties\": " + schema(0));
            case 3 -> keywords.add("\"patternProperties\": {\"^p\": " + schema(0) + ", \"^q\": {}}");
            default -> {}
        }
        if (random.nextInt(6) == 0) keywords.add("\"maxProperties\": " + (required.size() + random.nextInt(3)));
        if (random.nextInt(6) == 0) keywords.add("\"minProperties\": 1");
        if (random.nextInt(8) == 0) keywords.add("\"propertyNames\": {\"maxLength\": 6}");
        return "{" + String.join(", ", keywords) + "}";
    }

    private String pick(List<String> list) {
        return list.get(random.nextInt(list.size()));
    }
}
