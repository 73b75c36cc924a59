package io.sluice.modelstore;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DemoModelTest {
    private static final Map<String, byte[]> CONTENTS =
            Map.of("config.json", "{}".getBytes(StandardCharsets.UTF_8), "model.safetensors", new byte[100_000]);

    @TempDir
    Path cache;

    @Test
    void everyFileIsUnpackedWholeAndNothingElseIsLeft() throws IOException {
        Path folder = DemoModel.unpack(CONTENTS, cache);
        assertHoldsTheContents(folder);
    }

    private static void assertHoldsTheContents(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            assertThat(files.map(file -> file.getFileName().toString()))
                    .containsExactlyInAnyOrderElementsOf(CONTENTS.keySet());
        }
        for (Map.Entry<String, byte[]> entry : CONTENTS.entrySet()) {
            assertThat(folder.resolve(entry.getKey())).hasBinaryContent(entry.getValue());
        }
    }

    @Test
    void otherContentsGetAnotherFolder() {
        Path folder = DemoModel.unpack(CONTENTS, cache);
        assertThat(DemoModel.unpack(CONTENTS, cache)).isEqualTo(folder);
        assertThat(DemoModel.unpack(Map.of("config.json", "{ }".getBytes(StandardCharsets.UTF_8)), cache))
                .isNotEqualTo(folder);
    }

    @Test
    void aDamagedFileIsReplaced() throws IOException {
        Path folder = DemoModel.unpack(CONTENTS, cache);
        Files.write(folder.resolve("model.safetensors"), new byte[] {1, 2, 3});
        Files.delete(folder.resolve("config.json"));
        assertHoldsTheContents(DemoModel.unpack(CONTENTS, cache));
    }

    @Test
    void concurrentStartsAllEndWithTheWholeModel() throws Exception {
        try (ExecutorService starts = Executors.newFixedThreadPool(8)) {
            List<Future<Path>> folders = new ArrayList<>();
            for (int i = 0; i < 8; i++) {
                folders.add(starts.submit(() -> DemoModel.unpack(CONTENTS, cache)));
            }
            for (Future<Path> folder : folders) {
                assertThat(folder.get().resolve("model.safetensors")).hasSize(100_000);
            }
            assertHoldsTheContents(folders.getFirst().get());
        }
    }

    @Test
    void theModelInTheJarOpensUnderItsName() {
        try (ModelFiles model = ModelStore.openDemo(cache)) {
            assertThat(model.name()).isEqualTo("sluice-demo");
            assertThat(model.path().getParent()).isEqualTo(cache);
            assertThat(model.generationDefaults().endTokens()).isNotEmpty();
            int[] ids = model.tokenizer().encode("Once upon a time");
            assertThat(model.tokenizer().decode(ids)).isEqualTo("Once upon a time");
        }
    }

    @Test
    void aCacheThatCannotBeWrittenIsNamed() throws IOException {
        Path file = Files.createFile(cache.resolve("a-file"));
        assertThatThrownBy(() -> DemoModel.unpack(CONTENTS, file.resolve("below")))
                .isInstanceOf(ModelFileException.class)
                .hasMessageContaining("a-file")
                .hasMessageContaining("name a folder that can be written with cache-dir");
    }
}
