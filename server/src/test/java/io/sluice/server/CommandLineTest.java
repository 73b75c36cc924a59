package io.sluice.server;

import static io.sluice.server.TestServer.asking;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;

class CommandLineTest {

    /// What a command printed and how it ended.
    record Outcome(int exitCode, String out, String err) {}

    @Test
    void without_arguments_the_commands_are_explained_with_examples() {
        Outcome outcome = run();
        assertThat(outcome.exitCode()).isZero();
        assertThat(outcome.out())
                .contains("serve")
                .contains("chat")
                .contains("version")
                .contains("Examples:");
        assertThat(run("--help").out()).isEqualTo(outcome.out());
    }

    @Test
    void the_help_of_serve_has_every_setting() {
        Outcome outcome = run("serve", "--help");
        assertThat(outcome.exitCode()).isZero();
        assertThat(outcome.out())
                .contains("--max-model-len")
                .contains("--kv-cache-memory")
                .contains("--config");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "serve --prot 1 | unknown option --prot (did you mean --port?)",
                "serve --max-model-length=4 | unknown option --max-model-length=4 (did you mean --max-model-len?)",
                "serve --port x | --port must be a whole number from 0 to 65535, got \"x\"",
                "serve --port | --port",
                "serve extra | unexpected argument \"extra\"",
                "sreve | unknown command \"sreve\" (did you mean serve?)",
                "serve --block-size 7 | --block-size must be a power of two, got 7",
                "serve --max-num-seqs 64 --max-num-batched-tokens 32 | --max-num-batched-tokens is 32, less than max-num-seqs, 64",
                "serve --device gpu | --device must be auto, cpu, cuda:N, several such as cuda:0,1, or cuda:all, got \"gpu\"",
                "serve --device cuda:x | --device must be auto, cpu, cuda:N",
                "serve --gpu-memory-utilization 1.5 | --gpu-memory-utilization must be a number above 0 and at most 1",
                "serve --gpu-memory-utilization 90% | --gpu-memory-utilization must be a number above 0 and at most 1",
                "serve --config /nowhere/sluice.yaml | there is no such file",
                "serve --host 0.0.0.0 | sluice keys create --tenant NAME",
                "serve --host 0.0.0.0 | --allow-anonymous",
                "serve --host example.org | --host is example.org, which others can reach, and there are no API keys",
                "serve --admin-host 0.0.0.0 | --admin-host is 0.0.0.0, which others can reach",
                "serve --allow-anonymous --admin-host 10.0.0.1 | sluice keys create --admin",
                "serve --allow-anonymous --api-keys-file x | --allow-anonymous contradicts api-keys-file",
                "serve --admin-port never | --admin-port must be a whole number from 0 to 65535",
                "serve --api-keys-file /nowhere/keys --port 0 | sluice keys create --file /nowhere/keys",
                "serve --metrics-tenants-max 0 | --metrics-tenants-max must be a whole number from 1 to 1000",
                "keys create | whose key is it to be? give --tenant NAME, or --admin",
                "keys create --tenant a/b | tenant \"a/b\" must be up to 64 letters",
                "keys create --tenant a --expires never | --expires must be a time such as 90d or 12h, or a day",
                "keys create --tenant a --expires 2027-13-01 | --expires must be a time such as 90d or 12h, or a day",
                "keys create --tenant a --requests-per-minute 0 | must be between 1 and",
                "keys revoke | ID",
                "keys remove x | \"remove\"",
                "policy check | --config"
            })
    void what_cannot_be_is_one_line_and_exit_code_2(String arguments, String message) {
        Outcome outcome = run(arguments.strip().split(" ", -1));
        assertThat(outcome.exitCode()).isEqualTo(2);
        assertThat(outcome.err().lines().findFirst().orElseThrow())
                .startsWith("error: ")
                .contains(message);
        assertThat(outcome.out()).doesNotContain("Usage:");
    }

    @Test
    void a_model_that_is_not_there_is_one_line_and_exit_code_1() {
        Outcome outcome = run("serve", "--model", "/nowhere/model.gguf", "--port", "0");
        assertThat(outcome.exitCode()).isEqualTo(1);
        assertThat(outcome.err().lines()).hasSize(1).first().asString().contains("/nowhere/model.gguf");
    }

    /// Whatever this machine has, it has no device of that number.
    @Test
    void a_gpu_that_cannot_be_used_is_one_line_and_exit_code_1_and_the_cpu_does_not_take_its_place() {
        Outcome outcome = run("serve", "--device", "cuda:200", "--port", "0");
        assertThat(outcome.exitCode()).isEqualTo(1);
        assertThat(outcome.err().lines()).hasSize(1).first().asString().startsWith("error: device is cuda:200, but ");
        assertThat(outcome.out()).doesNotContain("Serving");
    }

    @Test
    void the_version_is_printed() {
        assertThat(run("version").out()).contains("Sluice").contains("Java 2");
    }

    @Test
    void chat_reads_questions_from_a_pipe_and_remembers_what_was_said() throws Exception {
        try (TestServer server = TestServer.start()) {
            Outcome outcome = piped(
                    "Say →fünf\n/help\n/nonsense\n\n/reset\nSay →zwei\n/exit\nnot read\n",
                    "chat",
                    "--url",
                    "http://127.0.0.1:" + server.http.port());
            assertThat(outcome.exitCode()).as(outcome.err()).isZero();
            assertThat(outcome.out())
                    .startsWith("fünf\n")
                    .contains("/reset")
                    .contains("There is no /nonsense")
                    .endsWith("zwei\n");
            assertThat(server.metric("sluice_requests_admitted_total")).isEqualTo(2);
            piped("Say →a\nSay →b\n", "chat", "--url", "http://127.0.0.1:" + server.http.port(), "--system", "x");
            // "[system]x[user]Say →a" is 21 tokens; the second question comes with all of that and the answer.
            assertThat(server.metric("sluice_prompt_tokens_total")).isGreaterThan(60);
            assertThat(server.chat(asking("x")).statusCode()).isEqualTo(200);
        }
    }

    @Test
    void chat_without_a_server_says_how_to_get_one() {
        Outcome outcome = run("chat", "--url", "http://127.0.0.1:9");
        assertThat(outcome.exitCode()).isEqualTo(1);
        assertThat(outcome.err())
                .contains("no server answers at http://127.0.0.1:9")
                .contains("sluice serve");
    }

    @Test
    void chat_says_what_the_server_refused() throws Exception {
        try (TestServer server = TestServer.start()) {
            Outcome outcome =
                    piped("hello\n", "chat", "--model", "nope", "--url", "http://127.0.0.1:" + server.http.port());
            assertThat(outcome.exitCode()).isEqualTo(1);
            assertThat(outcome.err()).contains("\"nope\" does not exist here");
        }
    }

    private static Outcome piped(String input, String... arguments) {
        InputStream before = System.in;
        System.setIn(new ByteArrayInputStream(input.getBytes(StandardCharsets.UTF_8)));
        try {
            return run(arguments);
        } finally {
            System.setIn(before);
        }
    }

    static Outcome run(String... arguments) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        CommandLine commands = SluiceCommand.commandLine()
                .setOut(new PrintWriter(out))
                .setErr(new PrintWriter(err))
                .setColorScheme(CommandLine.Help.defaultColorScheme(CommandLine.Help.Ansi.OFF));
        int exitCode = commands.execute(arguments);
        return new Outcome(exitCode, out.toString(), err.toString());
    }
}
