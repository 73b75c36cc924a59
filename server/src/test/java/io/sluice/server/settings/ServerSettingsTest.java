package io.sluice.server.settings;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ServerSettingsTest {
    @TempDir
    @SuppressWarnings("NullAway.Init") // JUnit sets it
    Path folder;

    @Test
    void the_defaults_are_possible() {
        ServerSettings settings = ServerSettings.of(Map.of(), Optional.empty(), Map.of());
        assertThat(settings.http().host()).isEqualTo("127.0.0.1");
        assertThat(settings.http().port()).isEqualTo(8000);
        assertThat(settings.http().bodyBytesMax()).isEqualTo(8L << 20);
        assertThat(settings.model().source()).isEqualTo("sluice-demo");
        assertThat(settings.lifecycle().drainTimeout()).isEqualTo(Duration.ofSeconds(30));
    }

    @Test
    void flags_win_over_environment_that_over_file_that_over_defaults() throws IOException {
        Path file = file("port: 1\nhost: 127.0.0.2\nblock-size: 32\n");
        Map<String, String> environment = Map.of("SLUICE_PORT", "2", "SLUICE_HOST", "localhost", "PATH", "/bin");
        ServerSettings settings = ServerSettings.of(Map.of("port", "3"), Optional.of(file), environment);
        assertThat(settings.http().port()).isEqualTo(3);
        assertThat(settings.http().host()).isEqualTo("localhost");
        assertThat(settings.engine().blockSize()).isEqualTo(32);
        assertThat(settings.engine().sequencesMax()).isEqualTo(32);
    }

    @Test
    void a_file_can_hold_lists_and_every_kind_of_value() throws IOException {
        Path file = file("""
                served-model-name: [one, two]
                kv-cache-memory: 2GiB
                drain-delay: 500ms
                heartbeat: 2m
                enable-prefix-caching: no
                max-model-len: 4096
                """);
        ServerSettings settings = ServerSettings.of(Map.of(), Optional.of(file), Map.of());
        assertThat(settings.model().names()).contains(List.of("one", "two"));
        assertThat(settings.engine().kvCacheBytes()).contains(2L << 30);
        assertThat(settings.lifecycle().drainDelay()).isEqualTo(Duration.ofMillis(500));
        assertThat(settings.http().streams().heartbeat()).isEqualTo(Duration.ofMinutes(2));
        assertThat(settings.engine().prefixCaching()).isFalse();
        assertThat(settings.model().contextMax()).contains(4096);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "port: 80000 | :1: port must be a whole number from 0 to 65535, got \"80000\"",
                "`host: localhost\nprot: 8000` | :2: unknown setting \"prot\" (did you mean port?)",
                "max-num-seq: 4 | :1: unknown setting \"max-num-seq\" (did you mean max-num-seqs?)",
                "`port: 1\nport: 2` | :2: port is set twice",
                "`port:\n  deep: 1` | :2: port must be a plain value",
                "`port: [1` | :1: not valid YAML",
                "`- a` | :1: must be lines of",
                "dtype: float16 | :1: dtype must be one of auto, float32, bfloat16, got \"float16\" (did you mean",
                "dtype: bf16 | (did you mean bfloat16?)",
                "kv-cache-memory: lots | :1: kv-cache-memory must be a size such as",
                "drain-delay: soon | :1: drain-delay must be a time such as",
                "deterministic: maybe | :1: deterministic must be true or false",
                "block-size: 24 | :1: block-size must be a power of two, got 24",
                "max-num-batched-tokens: 8 | :1: max-num-batched-tokens is 8, less than max-num-seqs, 32",
                "long-prefill-token-threshold: 1024 | lower the one or raise the other",
                "heartbeat: 0 | :1: heartbeat must be more than nothing",
                "stall-timeout: 0s | :1: stall-timeout must be more than nothing; the default is 60s",
                "request-timeout: 0 | :1: request-timeout must be more than nothing",
                "stream-grace: 0ms | :1: stream-grace must be more than nothing",
                "stuck-step-timeout: 0 | :1: stuck-step-timeout must be more than nothing; the default is auto",
                "model: '' | :1: model must not be empty",
                "port: !!javax.script.ScriptEngineManager [] | :1: not valid YAML: Global tag is not allowed"
            })
    void what_cannot_be_in_a_file_is_refused_with_its_line(String content, String message) throws IOException {
        Path file = file(content);
        assertThatThrownBy(() -> ServerSettings.of(Map.of(), Optional.of(file), Map.of()))
                .isInstanceOf(SettingsException.class)
                .hasMessageContaining(message)
                .hasMessageContaining("sluice.yaml");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "auto | Auto[]",
                "CPU | Cpu[]",
                "cuda | Cuda[indices=[0]]",
                "cuda:3 | Cuda[indices=[3]]",
                "cuda:2,0,cuda:2 | Cuda[indices=[0, 2]]",
                "cuda:all | Cuda[indices=[]]"
            })
    void devices_are_named_as_elsewhere(String text, String choice) {
        ServerSettings settings = ServerSettings.of(Map.of("device", text), Optional.empty(), Map.of());
        assertThat(settings.engine().device()).hasToString(choice);
    }

    @Test
    void an_unknown_variable_is_refused_with_the_nearest_right_one() {
        assertThatThrownBy(() -> ServerSettings.of(Map.of(), Optional.empty(), Map.of("SLUICE_MAX_MODEL_LENGTH", "1")))
                .hasMessage(
                        "unknown environment variable SLUICE_MAX_MODEL_LENGTH (did you mean SLUICE_MAX_MODEL_LEN?)");
        assertThatThrownBy(() -> ServerSettings.of(Map.of(), Optional.empty(), Map.of("SLUICE_PORT", "x")))
                .hasMessage("SLUICE_PORT must be a whole number from 0 to 65535, got \"x\"");
    }

    @Test
    void what_kubernetes_says_about_a_service_of_our_name_is_no_setting() {
        ServerSettings settings = ServerSettings.of(
                Map.of(),
                Optional.empty(),
                Map.of(
                        "SLUICE_PORT", "tcp://10.0.0.1:80",
                        "SLUICE_PORT_80_TCP", "x",
                        "SLUICE_SERVICE_HOST", "10.0.0.1",
                        "SLUICE_JAVA_OPTS", "-Xmx1g"));
        assertThat(settings.http().port()).isEqualTo(8000);
    }

    @Test
    void a_file_that_is_not_there_is_named() {
        assertThatThrownBy(() -> ServerSettings.of(Map.of(), Optional.of(folder.resolve("none.yaml")), Map.of()))
                .hasMessageContaining("none.yaml: there is no such file");
    }

    @Test
    void a_folder_or_a_file_that_is_no_text_is_named() throws IOException {
        Path binary = Files.write(folder.resolve("binary.yaml"), new byte[] {(byte) 0xff, (byte) 0xfe, 0, 1});
        assertThatThrownBy(() -> ServerSettings.of(Map.of(), Optional.of(folder), Map.of()))
                .isInstanceOf(SettingsException.class)
                .hasMessage(folder + ": is a folder, not a file of settings");
        assertThatThrownBy(() -> ServerSettings.of(Map.of(), Optional.of(binary), Map.of()))
                .isInstanceOf(SettingsException.class)
                .hasMessageContaining("binary.yaml: cannot be read as text");
    }

    @Test
    void the_home_folder_can_be_written_as_a_tilde() {
        ServerSettings settings =
                ServerSettings.of(Map.of("model", "~/a.gguf"), Optional.empty(), Map.of("HOME", "/somewhere"));
        assertThat(settings.model().source())
                .isEqualTo(Path.of("/somewhere", "a.gguf").toString());
        assertThat(settings.model().cacheFolder()).isEqualTo(Path.of("/somewhere", ".cache", "sluice"));
    }

    @Test
    void a_letter_or_two_are_no_name_that_could_be_guessed() {
        assertThat(NearestName.hint("-p", List.of("-h", "--port"))).isEmpty();
        assertThat(NearestName.hint("prot", List.of("host", "port"))).isEqualTo(" (did you mean port?)");
    }

    @Test
    void every_setting_has_a_default_that_can_be_read_and_a_variable_of_its_own() {
        assertThat(Declared.ALL).allSatisfy(setting -> {
            assertThat(setting.kind().parse(setting.defaultText())).isNotNull();
            assertThat(setting.description()).endsWith(".");
            assertThat(setting.name()).matches("[a-z]+(-[a-z]+)*");
        });
        assertThat(Declared.ALL).extracting(Setting::environmentVariable).doesNotHaveDuplicates();
    }

    private Path file(String content) throws IOException {
        return Files.writeString(folder.resolve("sluice.yaml"), content);
    }
}
