package io.sluice.server.settings;

import java.io.IOException;
import java.io.Reader;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.error.MarkedYAMLException;
import org.yaml.snakeyaml.error.YAMLException;
import org.yaml.snakeyaml.nodes.MappingNode;
import org.yaml.snakeyaml.nodes.Node;
import org.yaml.snakeyaml.nodes.NodeTuple;
import org.yaml.snakeyaml.nodes.ScalarNode;
import org.yaml.snakeyaml.nodes.SequenceNode;

/// Reads a YAML file of settings: one level of keys, each with one value or a list. Nothing in it is ever turned into
/// an object of its own choosing. Any thread.
final class SettingsFile {
    private SettingsFile() {}

    /// What the file says, by the setting's name, each with its place in the file.
    ///
    /// @throws SettingsException naming file and line
    static Map<String, Given> read(Path file) {
        if (Files.isDirectory(file)) throw new SettingsException(file + ": is a folder, not a file of settings");
        try (Reader reader = Files.newBufferedReader(file)) {
            Node root = new Yaml(new LoaderOptions()).compose(reader);
            return root == null ? Map.of() : entries(file, root);
        } catch (MarkedYAMLException e) {
            var mark = e.getProblemMark();
            String place = mark == null ? file.toString() : file + ":" + (mark.getLine() + 1);
            throw new SettingsException(place + ": not valid YAML: " + e.getProblem());
        } catch (YAMLException e) { // snakeyaml's wrapping of what the reader threw, or letters that no text holds
            throw new SettingsException(file + ": cannot be read as text: " + e.getMessage());
        } catch (NoSuchFileException e) {
            throw new SettingsException(file + ": there is no such file");
        } catch (IOException e) {
            throw new SettingsException(file + ": cannot be read: " + e.getMessage());
        }
    }

    private static Map<String, Given> entries(Path file, Node root) {
        if (!(root instanceof MappingNode mapping)) {
            throw new SettingsException(place(file, root) + ": must be lines of `name: value`");
        }
        Map<String, Given> entries = new LinkedHashMap<>();
        for (NodeTuple tuple : mapping.getValue()) {
            String place = place(file, tuple.getKeyNode());
            String name = scalar(place, "a name", tuple.getKeyNode());
            if (!Declared.names().contains(name)) {
                throw new SettingsException(
                        place + ": unknown setting \"" + name + "\"" + NearestName.hint(name, Declared.names()));
            }
            Given given = new Given(value(file, name, tuple.getValueNode()), place + ": " + name);
            if (entries.put(name, given) != null) {
                throw new SettingsException(place + ": " + name + " is set twice");
            }
        }
        return entries;
    }

    private static String value(Path file, String name, Node node) {
        if (!(node instanceof SequenceNode sequence)) return scalar(place(file, node), name, node);
        List<String> values = new ArrayList<>();
        for (Node value : sequence.getValue()) values.add(scalar(place(file, value), name, value));
        return String.join(",", values);
    }

    private static String scalar(String place, String what, Node node) {
        if (node instanceof ScalarNode scalar) return scalar.getValue();
        throw new SettingsException(place + ": " + what + " must be a plain value");
    }

    private static String place(Path file, Node node) {
        return file + ":" + (node.getStartMark().getLine() + 1);
    }
}
