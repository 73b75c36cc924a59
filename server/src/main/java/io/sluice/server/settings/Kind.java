package io.sluice.server.settings;

import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// How a setting's text is read. Each throws `IllegalArgumentException` with the end of a sentence that
/// begins with the setting's name.
public sealed interface Kind<T> {

    T parse(String text);

    /// Stands for the value in usage lines.
    String label();

    /// Anything.
    record Text(String label) implements Kind<String> {
        @Override
        public String parse(String text) {
            if (text.isBlank()) throw new IllegalArgumentException("must not be empty");
            return text;
        }
    }

    /// Several names, separated by commas.
    record Names(String label) implements Kind<List<String>> {
        @Override
        public List<String> parse(String text) {
            List<String> names = Arrays.stream(text.split(","))
                    .map(String::strip)
                    .filter(name -> !name.isEmpty())
                    .toList();
            if (names.isEmpty()) throw new IllegalArgumentException("must name at least one");
            return names;
        }
    }

    /// A whole number in `[least, most]`.
    record Count(int least, int most) implements Kind<Integer> {
        @Override
        public Integer parse(String text) {
            try {
                int count = Integer.parseInt(text.replace("_", ""));
                if (count >= least && count <= most) return count;
            } catch (NumberFormatException e) {
                // Said below, together with what would be right.
            }
            throw new IllegalArgumentException(
                    "must be a whole number from " + least + " to " + most + ", got \"" + text + "\"");
        }

        @Override
        public String label() {
            return "N";
        }
    }

    /// An amount of memory: bytes, or a number with a unit.
    record Size() implements Kind<Long> {
        private static final Pattern FORM = Pattern.compile("(\\d{1,12}(?:\\.\\d{1,3})?)\\s*([kmgt]?)(i?)(b?)");

        @Override
        public Long parse(String text) {
            Matcher matcher = FORM.matcher(text.strip().toLowerCase(Locale.ROOT));
            if (!matcher.matches()) {
                throw new IllegalArgumentException(
                        "must be a size such as 512MiB, 2GiB or 1500000, got \"" + text + "\"");
            }
            String unit = matcher.group(2);
            long power = unit.isEmpty() ? 0 : "kmgt".indexOf(unit) + 1L;
            // As everywhere in memory matters, M without i means the same as Mi.
            double bytes = Double.parseDouble(matcher.group(1)) * Math.pow(1024.0, (double) power);
            if (bytes < 1 || bytes > 0x1p62) {
                throw new IllegalArgumentException("must be at least one byte and possible, got \"" + text + "\"");
            }
            return (long) bytes;
        }

        @Override
        public String label() {
            return "SIZE";
        }
    }

    /// An amount of memory, or the word `off` for none.
    record SizeOrOff() implements Kind<Long> {
        @Override
        public Long parse(String text) {
            return text.equalsIgnoreCase("off") ? 0L : new Size().parse(text);
        }

        @Override
        public String label() {
            return "off|SIZE";
        }
    }

    /// A span of time: seconds, or a number with a unit.
    record Span() implements Kind<Duration> {
        private static final Pattern FORM = Pattern.compile("(\\d{1,9}(?:\\.\\d{1,3})?)\\s*(ms|s|m|h|d)?");

        @Override
        public Duration parse(String text) {
            Matcher matcher = FORM.matcher(text.strip().toLowerCase(Locale.ROOT));
            if (!matcher.matches()) {
                throw new IllegalArgumentException("must be a time such as 30s, 500ms or 2m, got \"" + text + "\"");
            }
            double number = Double.parseDouble(matcher.group(1));
            double millis = switch (matcher.group(2)) {
                case "ms" -> number;
                case "m" -> number * 60_000;
                case "h" -> number * 3_600_000;
                case "d" -> number * 86_400_000;
                case null, default -> number * 1000;
            };
            return Duration.ofMillis((long) millis);
        }

        @Override
        public String label() {
            return "TIME";
        }
    }

    /// Yes or no.
    record Flag() implements Kind<Boolean> {
        @Override
        public Boolean parse(String text) {
            return switch (text.toLowerCase(Locale.ROOT)) {
                case "true", "yes", "on", "1" -> true;
                case "false", "no", "off", "0" -> false;
                default -> throw new IllegalArgumentException("must be true or false, got \"" + text + "\"");
            };
        }

        @Override
        public String label() {
            return "true|false";
        }
    }

    /// One of a few words.
    record Word(List<String> words) implements Kind<String> {
        @Override
        public String parse(String text) {
            String word = text.toLowerCase(Locale.ROOT);
            if (words.contains(word)) return word;
            throw new IllegalArgumentException("must be one of " + String.join(", ", words) + ", got \"" + text + "\""
                    + NearestName.hint(word, words));
        }

        @Override
        public String label() {
            return String.join("|", words);
        }
    }

    /// Whatever `kind` takes, or the word `auto`: then `T` is left to the server.
    record Auto<T>(Kind<T> kind) implements Kind<Optional<T>> {
        @Override
        public Optional<T> parse(String text) {
            return text.equalsIgnoreCase("auto") ? Optional.empty() : Optional.of(kind.parse(text));
        }

        @Override
        public String label() {
            return "auto|" + kind.label();
        }
    }

    /// Whatever `kind` takes, or the word `none`: then there is no such thing.
    record None<T>(Kind<T> kind) implements Kind<Optional<T>> {
        @Override
        public Optional<T> parse(String text) {
            return text.equalsIgnoreCase("none") ? Optional.empty() : Optional.of(kind.parse(text));
        }

        @Override
        public String label() {
            return "none|" + kind.label();
        }
    }

    /// A port for the admin routes.
    record Admin() implements Kind<AdminPort> {
        private static final Count PORT = new Count(0, 65535);

        @Override
        public AdminPort parse(String text) {
            return switch (text.toLowerCase(Locale.ROOT)) {
                case "auto" -> new AdminPort.Auto();
                // YAML files say `off`, which other readers take for false.
                case "off", "false", "none" -> new AdminPort.Off();
                default -> new AdminPort.Fixed(PORT.parse(text));
            };
        }

        @Override
        public String label() {
            return "auto|off|N";
        }
    }

    /// What a model is computed on.
    record Devices() implements Kind<DeviceChoice> {
        private static final Count INDEX = new Count(0, 255);

        @Override
        public DeviceChoice parse(String text) {
            String word = text.strip().toLowerCase(Locale.ROOT);
            return switch (word) {
                case "auto" -> new DeviceChoice.Auto();
                case "cpu" -> new DeviceChoice.Cpu();
                case "cuda" -> new DeviceChoice.Cuda(List.of(0));
                case "cuda:all" -> new DeviceChoice.Cuda(List.of());
                default -> cuda(word, text);
            };
        }

        private static DeviceChoice cuda(String word, String text) {
            if (!word.matches("cuda:\\d+(,(cuda:)?\\d+)*")) {
                throw new IllegalArgumentException(
                        "must be auto, cpu, cuda:N, several such as cuda:0,1, or cuda:all, got \"" + text + "\"");
            }
            return new DeviceChoice.Cuda(Arrays.stream(word.replace("cuda:", "").split(","))
                    .map(INDEX::parse)
                    .toList());
        }

        @Override
        public String label() {
            return "auto|cpu|cuda:N";
        }
    }

    /// A part of a whole.
    record Share() implements Kind<Double> {
        @Override
        public Double parse(String text) {
            try {
                double share = Double.parseDouble(text);
                if (share > 0 && share <= 1) return share;
            } catch (NumberFormatException e) {
                // Said below, together with what would be right.
            }
            throw new IllegalArgumentException("must be a number above 0 and at most 1, got \"" + text + "\"");
        }

        @Override
        public String label() {
            return "SHARE";
        }
    }
}
