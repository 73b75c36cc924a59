package io.sluice.server.hub;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/// Lists, shows and removes the models that were fetched. Main thread.
@Command(
        name = "models",
        description = "Lists, shows and removes the models in the Hugging Face cache.",
        mixinStandardHelpOptions = true,
        footer = {
            "",
            "Examples:",
            "  sluice models list",
            "  sluice models show Qwen/Qwen3-0.6B",
            "  sluice models remove Qwen/Qwen3-0.6B --yes"
        })
public final class ModelsCommand implements Runnable {
    private static final double MIB = 1 << 20;

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private CommandSpec spec;

    private final Map<String, String> environment;

    public ModelsCommand() {
        this(System.getenv());
    }

    ModelsCommand(Map<String, String> environment) {
        this.environment = environment;
    }

    @Override
    public void run() {
        spec.commandLine().usage(spec.commandLine().getOut());
    }

    @Command(name = "list", description = "Lists the models.", mixinStandardHelpOptions = true)
    int list() {
        PrintWriter out = spec.commandLine().getOut();
        List<HubCache.Stored> models = cache().list();
        if (models.isEmpty()) out.println("no models; sluice pull org/name fetches one");
        for (HubCache.Stored model : models) out.println(line(model));
        return 0;
    }

    @Command(name = "show", description = "Shows a model's files.", mixinStandardHelpOptions = true)
    int show(@Parameters(paramLabel = "ORG/NAME") String name) {
        PrintWriter out = spec.commandLine().getOut();
        HubCache cache = cache();
        HubCache.Stored model = find(cache, name);
        out.println(line(model));
        for (String revision : model.revisions()) {
            cache.find(new ModelName(model.repository(), revision, "")).ifPresent(snapshot -> {
                out.println(snapshot);
                files(snapshot).forEach(file -> out.println("  " + file));
            });
        }
        return 0;
    }

    @Command(
            name = "remove",
            aliases = "rm",
            description = "Removes a model, all revisions of it.",
            mixinStandardHelpOptions = true)
    int remove(
            @Parameters(paramLabel = "ORG/NAME") String name,
            @Option(names = "--yes", description = "Really.") boolean really) {
        HubCache cache = cache();
        HubCache.Stored model = find(cache, name);
        if (!really) {
            throw new ParameterException(
                    spec.commandLine(), "this removes " + line(model) + " for every tool that uses it: add --yes");
        }
        cache.remove(model);
        spec.commandLine().getOut().println("removed " + line(model));
        return 0;
    }

    /// Not before a command is run: what is wrong with the environment is this command's error, and no other's.
    private HubCache cache() {
        try {
            return new HubCache(HubSettings.of(environment, Path.of(System.getProperty("user.home")))
                    .cache());
        } catch (PullFailed e) {
            throw new ParameterException(spec.commandLine(), String.valueOf(e.getMessage()), e);
        }
    }

    private HubCache.Stored find(HubCache cache, String name) {
        return cache.list().stream()
                .filter(model -> model.repository().equals(name))
                .findFirst()
                .orElseThrow(() -> new ParameterException(
                        spec.commandLine(),
                        "there is no model " + name + "; sluice models list shows which there are"));
    }

    private static String line(HubCache.Stored model) {
        return String.format(
                Locale.ROOT,
                "%s  %,.1f MiB  %s",
                model.repository(),
                model.bytes() / MIB,
                model.revisions().isEmpty() ? "incomplete" : String.join(", ", model.revisions()));
    }

    private static List<String> files(Path snapshot) {
        try (Stream<Path> files = Files.walk(snapshot)) {
            return files.filter(Files::isRegularFile)
                    .map(file -> snapshot.relativize(file) + "  "
                            + String.format(
                                    Locale.ROOT, "%,d bytes", file.toFile().length()))
                    .sorted()
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
