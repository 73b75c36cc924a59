package io.sluice.server;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.net.ConnectException;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/// A conversation with a running server, in the terminal. Also reads questions from a pipe, one per line.
@Command(
        name = "chat",
        description = "Talks to a running server in this terminal.",
        mixinStandardHelpOptions = true,
        footer = {
            "",
            "Examples:",
            "  sluice chat",
            "  echo 'What is 2 plus 3?' | sluice chat --url http://127.0.0.1:9000"
        })
final class ChatCommand implements Callable<Integer> {
    private static final int FAILED = 1;

    @Option(
            names = "--url",
            paramLabel = "URL",
            defaultValue = "http://127.0.0.1:8000",
            description = "The server. Default: ${DEFAULT-VALUE}.")
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private String url;

    @Option(
            names = "--key",
            paramLabel = "KEY",
            description = "The API key, if it needs one. Default: $$SLUICE_API_KEY.")
    private @Nullable String key = System.getenv("SLUICE_API_KEY");

    @Option(names = "--model", paramLabel = "NAME", description = "Which of its models. Default: the first.")
    private @Nullable String model;

    @Option(names = "--system", paramLabel = "TEXT", description = "Instructions that the conversation begins with.")
    private @Nullable String system;

    @Option(names = "--max-tokens", paramLabel = "N", description = "The most tokens of an answer.")
    private @Nullable Integer maxTokens;

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private CommandSpec spec;

    private final List<ChatClient.Message> history = new ArrayList<>();

    @Override
    public Integer call() throws IOException, InterruptedException {
        boolean interactive = isTerminal();
        try (ChatClient client = new ChatClient(address(), key)) {
            String name = model != null ? model : client.firstModel();
            if (interactive) say("Talking to \"" + name + "\" at " + url + ". /help says what else there is.");
            reset();
            return converse(client, name, interactive);
        } catch (ConnectException e) {
            return complain(
                    "no server answers at " + url + "; start one with `./sluice serve`, or name another with --url");
        } catch (ChatClient.Refused e) {
            return complain(String.valueOf(e.getMessage()));
        } catch (IOException e) {
            return complain("the connection to " + url + " failed: " + e.getMessage());
        }
    }

    private URI address() {
        try {
            return new URI(url.contains("://") ? url : "http://" + url);
        } catch (URISyntaxException e) {
            throw new ParameterException(
                    spec.commandLine(), "--url must be an address such as http://127.0.0.1:8000, got \"" + url + "\"");
        }
    }

    private int converse(ChatClient client, String name, boolean interactive) throws IOException, InterruptedException {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, charset(interactive)));
        while (true) {
            if (interactive) prompt();
            String line = in.readLine();
            if (line == null) return 0;
            switch (line.strip()) {
                case "" -> {}
                case "/exit", "/quit" -> {
                    return 0;
                }
                case "/reset" -> {
                    reset();
                    say("Forgotten.");
                }
                case "/help" -> say("/reset begins anew, /exit ends. Everything else is sent.");
                case String command
                when command.startsWith("/") -> say("There is no " + command + "; there are /help, /reset and /exit.");
                case String question -> {
                    if (!answer(client, name, question) && !interactive) return FAILED;
                }
            }
        }
    }

    /// @return false if there was no answer; the question is forgotten then
    private boolean answer(ChatClient client, String name, String question) throws IOException, InterruptedException {
        history.add(new ChatClient.Message("user", question));
        PrintWriter out = spec.commandLine().getOut();
        StringBuilder answer = new StringBuilder();
        try {
            client.ask(name, history, maxTokens, piece -> {
                answer.append(piece);
                out.print(piece);
                out.flush();
            });
            out.println();
            out.flush();
            history.add(new ChatClient.Message("assistant", answer.toString()));
            return true;
        } catch (ChatClient.Refused e) {
            history.removeLast();
            complain(String.valueOf(e.getMessage()));
            return false;
        }
    }

    @SuppressWarnings("SystemConsoleNull") // it may still be null where there is no console at all
    private static boolean isTerminal() {
        return System.console() != null && System.console().isTerminal();
    }

    /// People type in their terminal's encoding; files and pipes are UTF-8.
    private static Charset charset(boolean interactive) {
        String terminal = System.getProperty("stdin.encoding");
        return interactive && terminal != null ? Charset.forName(terminal) : StandardCharsets.UTF_8;
    }

    private void reset() {
        history.clear();
        if (system != null) history.add(new ChatClient.Message("system", system));
    }

    private void prompt() {
        PrintWriter out = spec.commandLine().getOut();
        out.print(Ansi.AUTO.string("@|bold,cyan > |@"));
        out.flush();
    }

    private void say(String line) {
        PrintWriter out = spec.commandLine().getOut();
        out.println(line);
        out.flush();
    }

    private int complain(String problem) {
        PrintWriter err = spec.commandLine().getErr();
        err.println(Ansi.AUTO.string("@|bold,red error:|@ ") + problem);
        err.flush();
        return FAILED;
    }
}
