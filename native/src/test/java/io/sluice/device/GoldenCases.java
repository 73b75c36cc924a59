package io.sluice.device;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.sluice.modelstore.ModelFiles;
import io.sluice.modelstore.ModelStore;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/// A real model and what an independent implementation says of it, from the folder that `SLUICE_SHARED` names.
final class GoldenCases {
    private GoldenCases() {}

    /// One prompt with its answers.
    ///
    /// @param text the prompt, rendered if it was a chat
    /// @param promptIds its tokens
    /// @param promptLogprobs `[k]` is the log-probability of `promptIds[k + 1]`
    /// @param greedyIds the greedy continuation
    /// @param top5 `[k]` are the likeliest tokens where `greedyIds[k]` was chosen, with their log-probabilities
    record Case(String text, int[] promptIds, double[] promptLogprobs, int[] greedyIds, List<List<Scored>> top5) {
        @Override
        public String toString() {
            return text.substring(Math.max(0, text.length() - 40));
        }
    }

    record Scored(int token, double logprob) {}

    static List<Case> load() {
        List<Case> cases = new ArrayList<>();
        for (JsonNode json :
                read(shared().resolve("models/smollm2.golden.json")).get("cases")) {
            List<List<Scored>> top5 = new ArrayList<>();
            for (JsonNode step : json.get("top5")) {
                List<Scored> scored = new ArrayList<>();
                for (JsonNode pair : step)
                    scored.add(new Scored(pair.get(0).asInt(), pair.get(1).asDouble()));
                top5.add(scored);
            }
            cases.add(new Case(
                    json.get("rendered").asText(),
                    ints(json.get("prompt_ids")),
                    doubles(json.get("prompt_logprobs")),
                    ints(json.get("greedy_ids")),
                    top5));
        }
        return cases;
    }

    /// SmolLM2-135M-Instruct as a GGUF file, fetched if it is not there yet.
    static ModelFiles openModel() {
        try {
            Process fetch = new ProcessBuilder(
                            "bash", shared().resolve("tools/get_model.sh").toString())
                    .redirectError(ProcessBuilder.Redirect.INHERIT)
                    .start();
            String path = new String(fetch.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            if (fetch.waitFor() != 0) throw new AssertionError("get_model.sh failed");
            return ModelStore.open(Path.of(path.strip()));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    /// A relative `SLUICE_SHARED` is meant from the project's root, which is above the module where its tests run.
    private static Path shared() {
        Path given = Path.of(System.getenv("SLUICE_SHARED"));
        return Files.isDirectory(given) ? given : Path.of("..").resolve(given);
    }

    private static JsonNode read(Path file) {
        try {
            return new ObjectMapper().readTree(Files.readAllBytes(file));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static int[] ints(JsonNode array) {
        int[] ints = new int[array.size()];
        for (int i = 0; i < ints.length; i++) ints[i] = array.get(i).asInt();
        return ints;
    }

    private static double[] doubles(JsonNode array) {
        double[] doubles = new double[array.size()];
        for (int i = 0; i < doubles.length; i++) doubles[i] = array.get(i).asDouble();
        return doubles;
    }
}
