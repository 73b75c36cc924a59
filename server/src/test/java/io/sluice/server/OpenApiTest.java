package io.sluice.server;

import static io.sluice.server.TestServer.json;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;

/// The document that the server gives of its API speaks of that API and no other.
class OpenApiTest {
    private static final Set<String> METHODS = Set.of("get", "post", "delete", "put", "patch", "head", "options");

    @AutoClose
    private final TestServer server = TestServer.start();

    @Test
    void it_has_the_routes_that_there_are_with_their_methods() throws Exception {
        Set<String> said = new TreeSet<>();
        Map<?, ?> paths = (Map<?, ?>) Objects.requireNonNull(document().get("paths"));
        paths.forEach((path, item) -> ((Map<?, ?>) item).keySet().forEach(method -> {
            String word = String.valueOf(method);
            if (METHODS.contains(word)) said.add(word.toUpperCase(Locale.ROOT) + " " + path);
        }));
        Set<String> known = new TreeSet<>();
        HttpServer.knownRoutes()
                .forEach(route -> Arrays.stream(route.method().split(", "))
                        .forEach(method -> known.add(method + " " + route.path())));
        assertThat(said).isEqualTo(known);
    }

    @Test
    void each_of_its_references_leads_somewhere() throws Exception {
        Map<String, Object> document = document();
        List<String> references = new ArrayList<>();
        collect(document, references);
        assertThat(references).hasSizeGreaterThan(20);
        for (String reference : references) {
            @Nullable Object at = document;
            for (String step : reference.substring("#/".length()).split("/", -1)) {
                at = at instanceof Map<?, ?> map ? map.get(step) : null;
            }
            assertThat(at).as(reference).isNotNull();
        }
    }

    private static void collect(Object value, List<String> references) {
        switch (value) {
            case Map<?, ?> map -> {
                if (map.get("$ref") instanceof String reference) references.add(reference);
                map.values().forEach(inner -> collect(inner, references));
            }
            case List<?> list -> list.forEach(inner -> collect(inner, references));
            default -> {}
        }
    }

    private Map<String, Object> document() throws Exception {
        var response = server.get("/openapi.json");
        assertThat(response.statusCode()).isEqualTo(200);
        assertThat(response.headers().firstValue("Content-Type").orElse("")).startsWith("application/json");
        return json(response.body());
    }
}
