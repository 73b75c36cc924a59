package io.sluice.modelstore;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class SafetensorsDamageTest {
    @TempDir
    Path temp;

    private Path folder;
    private Path file;
    private byte[] whole;
    private String header;

    @BeforeEach
    void writeWholeModel() throws IOException {
        folder = TinyModels.folder(temp.resolve("tiny"), Damage.CONFIG, 1, TensorType.BF16);
        file = folder.resolve("model.safetensors");
        whole = Files.readAllBytes(file);
        header = new String(whole, 8, headerBytes(), StandardCharsets.UTF_8);
        open().close(); // what the first opening allocates is mostly classes
    }

    private int headerBytes() {
        return (int) ByteBuffer.wrap(whole).order(ByteOrder.LITTLE_ENDIAN).getLong(0);
    }

    private ModelFiles open() {
        return HuggingFaceFolder.open(folder, "tiny");
    }

    /// A change of the header's text; the length before it follows.
    record Case(String name, String inMessage, UnaryOperator<String> change) {
        @Override
        public String toString() {
            return name;
        }
    }

    private static Case replaced(String name, String inMessage, String from, String to) {
        return new Case(name, inMessage, header -> {
            assertThat(header).contains(from);
            return header.replaceFirst(Pattern.quote(from), to);
        });
    }

    private static Case added(String name, String inMessage, String entry) {
        return new Case(name, inMessage, header -> "{" + entry + "," + header.substring(1));
    }

    /// An entry that covers no bytes unless its offsets say so.
    private static String entry(String type, String shape, String offsets) {
        return "\"x\":{\"dtype\":" + type + ",\"shape\":" + shape + ",\"data_offsets\":" + offsets + "}";
    }

    static List<Case> headers() {
        String max = "9223372036854775807";
        return List.of(
                new Case("no JSON", "not valid JSON", header -> "}" + header),
                new Case("no object", "the header is not what", header -> "[" + header + "]"),
                new Case("an empty object", "bytes after its last tensor", header -> "{}"),
                new Case("text after the object", "goes on after", header -> header + "{}"),
                new Case(
                        "nested without end",
                        "not valid JSON",
                        header -> "{\"__metadata__\":" + "{\"a\":".repeat(100_000)),
                added("an entry that is no object", "header entry x", "\"x\":7"),
                added("an entry of nothing", "does not declare", "\"x\":{}"),
                added("no dtype", "does not declare", "\"x\":{\"shape\":[0],\"data_offsets\":[0,0]}"),
                added("one offset", "does not declare", entry("\"F32\"", "[0]", "[0]")),
                added("an unknown key", "unknown key y", "\"x\":{\"y\":1}"),
                added("an unknown dtype", "tensor x is stored as F7", entry("\"F7\"", "[0]", "[0,0]")),
                added("an unsupported dtype", "stored as F8_E5M2", entry("\"F8_E5M2\"", "[0]", "[0,0]")),
                added("a dtype that is no string", "dtype of tensor x", entry("7", "[0]", "[0,0]")),
                added("a shape that is no array", "shape of tensor x", entry("\"F32\"", "7", "[0,0]")),
                added("a shape of words", "shape of tensor x", entry("\"F32\"", "[\"a\"]", "[0,0]")),
                added("a negative dimension", "-1, which is out", entry("\"F32\"", "[-1]", "[0,0]")),
                added("a fractional dimension", "shape of tensor x", entry("\"F32\"", "[1.5]", "[0,0]")),
                added("a dimension of 2^64", "out of range", entry("\"F32\"", "[18446744073709551616]", "[0,0]")),
                added("nine dimensions", "more than 8", entry("\"F32\"", "[1,1,1,1,1,1,1,1,1]", "[0,4]")),
                added("2^63 - 1 numbers", "larger than any file", entry("\"F32\"", "[" + max + "]", "[0,4]")),
                added("2^126 numbers", "larger than any file", entry("\"F32\"", "[" + max + "," + max + "]", "[0,4]")),
                added(
                        "offsets past the end",
                        "is the download complete",
                        entry("\"F32\"", "[1]", "[99999999,100000003]")),
                added("an offset of 2^63 - 1", "is the download complete", entry("\"F32\"", "[1]", "[0," + max + "]")),
                added("an offset of 2^64", "out of range", entry("\"F32\"", "[1]", "[0,18446744073709551616]")),
                added("offsets the wrong way round", "is the download complete", entry("\"F32\"", "[1]", "[4,0]")),
                added("fewer bytes than the shape", "is not its shape [2]", entry("\"F32\"", "[2]", "[0,4]")),
                added("bytes of another tensor", "overlaps", entry("\"F32\"", "[1]", "[0,4]")),
                added(
                        "a tensor twice",
                        "Duplicate field",
                        entry("\"F32\"", "[0]", "[0,0]").replace("\"x\"", "\"model.norm.weight\"")),
                replaced("a tensor renamed", "model.norm.weight is missing", "model.norm.weight", "model.norm.waits"),
                replaced(
                        "a bias",
                        "model.norm.bias is not part",
                        "{\"model",
                        entry("\"F32\"", "[0]", "[0,0]").replace("\"x\"", "{\"model.norm.bias\"") + ",\"model"),
                replaced("another dtype", "is not its shape", "BF16", "F32"),
                replaced("another shape", "has shape [32, 260]", "[260,32]", "[32,260]"),
                replaced("a vector where a matrix is", "has shape [8320]", "[260,32]", "[8320]"));
    }

    @ParameterizedTest
    @MethodSource("headers")
    void aDamagedHeaderIsRefusedInOneLine(Case damaged) {
        byte[] data = Arrays.copyOfRange(whole, 8 + headerBytes(), whole.length);
        Damage.write(file, SafetensorsWriter.file(damaged.change().apply(header), data));
        Damage.assertRefused(folder, this::open, "model.safetensors: ", damaged.inMessage());
    }

    @Test
    void aHeaderLengthThatCannotBeIsRefused() {
        for (long length : new long[] {0, 1, -1, Long.MAX_VALUE, Long.MIN_VALUE, 1L << 32, whole.length}) {
            byte[] damaged = whole.clone();
            ByteBuffer.wrap(damaged).order(ByteOrder.LITTLE_ENDIAN).putLong(0, length);
            Damage.write(file, damaged);
            Damage.assertRefused(folder, this::open, "model.safetensors: ");
        }
    }

    @Test
    void aHoleBetweenTensorsIsRefused() {
        byte[] data = new byte[24];
        String holed = "{" + entry("\"F32\"", "[2]", "[0,8]") + ","
                + entry("\"F32\"", "[2]", "[16,24]").replace("\"x\"", "\"y\"") + "}";
        Damage.write(file, SafetensorsWriter.file(holed, data));
        Damage.assertRefused(folder, this::open, "tensor y leaves a hole after tensor x");
    }

    @Test
    void aFileCutAnywhereIsRefused() throws IOException {
        int headerEnd = 8 + headerBytes();
        try (RandomAccessFile cut = new RandomAccessFile(file.toFile(), "rw")) {
            for (int length = whole.length - 1; length >= 0; length -= length > headerEnd + 64 ? 997 : 5) {
                cut.setLength(length);
                assertThat(Damage.open(folder, this::open))
                        .as("cut to %d bytes", length)
                        .isPresent();
            }
        }
    }

    @Test
    void aFileWithRandomDamageOpensOrIsRefused() throws IOException {
        long seed = 20261123;
        Random random = new Random(seed);
        int headerEnd = 8 + headerBytes();
        int refused = 0;
        for (int i = 0; i < 1200; i++) {
            byte[] damaged = whole.clone();
            for (int flips = 1 + random.nextInt(3); flips > 0; flips--) {
                int at = random.nextInt(headerEnd);
                damaged[at] = random.nextBoolean()
                        ? (byte) (damaged[at] ^ 1 << random.nextInt(8))
                        : (byte) random.nextInt(256);
            }
            Files.write(file, damaged);
            try {
                refused += Damage.open(folder, this::open).isPresent() ? 1 : 0;
            } catch (Throwable e) {
                throw new AssertionError("seed " + seed + ", case " + i, e);
            }
        }
        assertThat(refused).as("cases refused of 1200").isBetween(500, 1199);
    }

    @Test
    void aConfigurationWithRandomDamageOpensOrIsRefused() throws IOException {
        long seed = 20261124;
        Random random = new Random(seed);
        for (String name : List.of("config.json", "generation_config.json")) {
            byte[] text = Files.readAllBytes(folder.resolve(name));
            for (int i = 0; i < 250; i++) {
                byte[] damaged = text.clone();
                damaged[random.nextInt(damaged.length)] = (byte) (32 + random.nextInt(95));
                damaged[random.nextInt(damaged.length)] = (byte) (32 + random.nextInt(95));
                Files.write(folder.resolve(name), damaged);
                try {
                    Damage.open(folder, this::open);
                } catch (Throwable e) {
                    throw new AssertionError("seed " + seed + ", " + name + ", case " + i, e);
                }
            }
            Files.write(folder.resolve(name), text);
        }
    }
}
