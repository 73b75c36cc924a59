package io.sluice.benchmarks;

import io.sluice.modelstore.grammar.CompiledGrammar;
import io.sluice.modelstore.grammar.GrammarState;
import io.sluice.modelstore.grammar.Structure;
import io.sluice.modelstore.grammar.TokenVocabulary;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/// What a structure costs per token and sequence: one mask over the vocabulary, one token taken in. The
/// tokens are those of a document that the structure allows. `compile` is what its first request waits for.
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(2)
public class GrammarMaskBenchmark {
    private static final int TOKENS = 64; // of the document, the first
    private static final String SCHEMA = "{\"type\":\"object\",\"properties\":{\"title\":{\"type\":\"string\"},"
            + "\"year\":{\"type\":\"integer\",\"minimum\":1900,\"maximum\":2100},\"kind\":{\"enum\":[\"book\",\"film\",\"song\"]},"
            + "\"score\":{\"type\":\"number\"},\"tags\":{\"type\":\"array\",\"items\":{\"type\":\"string\",\"maxLength\":40}},"
            + "\"parts\":{\"type\":\"array\",\"items\":{\"$ref\":\"#\"}}},"
            + "\"required\":[\"title\",\"year\",\"kind\"],\"additionalProperties\":false}";
    private static final String DOCUMENT =
            "{\"title\": \"The quiet history of an uncommon thing\", \"year\": 1987, \"kind\": \"book\", "
                    + "\"score\": 4.25, \"tags\": [\"slow\", \"old and new\"], \"parts\": [{\"title\": \"One, \\\"the first\\\" of many parts\", "
                    + "\"year\": 1986, \"kind\": \"song\", \"tags\": [\"x\"]}, {\"title\": \"Two\", \"year\": 1990, \"kind\": \"film\"}]}";

    /// Tokens of the vocabulary.
    @Param({"32000", "128000"})
    public int vocabulary = 128_000;

    @Param({"SCHEMA", "JSON", "REGEX"})
    public String structure = "SCHEMA";

    private TokenVocabulary words = TokenVocabulary.of(List.of());
    private Structure wanted = new Structure.JsonObject();
    private CompiledGrammar compiled = wanted.compile(TokenVocabulary.of(List.of(new byte[] {'{'}, new byte[] {'}'})));
    private final int[] document = new int[TOKENS];
    private long[] mask = new long[0];

    @Setup
    public void prepare() {
        List<byte[]> tokens = words(vocabulary);
        words = TokenVocabulary.of(tokens);
        wanted = switch (structure) {
            case "JSON" -> new Structure.JsonObject();
            case "REGEX" -> new Structure.Matching("[^\\n]{10,300}(\\n[^\\n]{1,300})*");
            default -> new Structure.JsonSchema(SCHEMA);
        };
        compiled = wanted.compile(words);
        mask = new long[words.maskLength()];
        tokenise(tokens);
    }

    /// The document's tokens: each time the longest that fits.
    private void tokenise(List<byte[]> tokens) {
        byte[] text = DOCUMENT.getBytes(StandardCharsets.UTF_8);
        int at = 0;
        for (int i = 0; i < TOKENS; i++) {
            int longest = 0;
            for (int token = 0; token < tokens.size(); token++) {
                byte[] bytes = tokens.get(token);
                boolean fits = at + bytes.length <= text.length
                        && Arrays.equals(text, at, at + bytes.length, bytes, 0, bytes.length);
                if (!fits || bytes.length <= longest) continue;
                longest = bytes.length;
                document[i] = token;
            }
            if (longest == 0) throw new IllegalStateException("the document has fewer than " + TOKENS + " tokens");
            at += longest;
        }
    }

    @Benchmark
    @OperationsPerInvocation(TOKENS)
    public long maskAndAccept() {
        GrammarState state = compiled.begin();
        long bits = 0;
        for (int token : document) {
            state.fill(mask);
            bits += mask[token >> 6] >>> token & 1;
            if (!state.accept(token)) throw new AssertionError("token " + token + " was not taken");
        }
        if (bits != TOKENS) throw new AssertionError("only " + bits + " tokens of the document were allowed");
        return bits;
    }

    @Benchmark
    @BenchmarkMode(Mode.SingleShotTime)
    @OutputTimeUnit(TimeUnit.MILLISECONDS)
    @Warmup(iterations = 3)
    @Measurement(iterations = 5)
    public CompiledGrammar compile() {
        return wanted.compile(words);
    }

    /// Bytes, words with and without a blank before them, numbers, and the punctuation of JSON and of code in
    /// combinations; the rest are pieces of letters.
    private static List<byte[]> words(int count) {
        Set<String> all = new HashSet<>();
        List<byte[]> tokens = new ArrayList<>();
        for (int b = 0; b < 256; b++) tokens.add(new byte[] {(byte) b});
        for (int number = 10; number < 1000; number++) all.add(Integer.toString(number));
        Pattern.compile("[A-Za-z]+")
                .matcher(DOCUMENT)
                .results()
                .map(MatchResult::group)
                .forEach(word -> {
                    all.add(word);
                    all.add(" " + word);
                });
        String[] marks = {"\"", ",", ":", "{", "}", "[", "]", " ", "\n", ".", "\\", "'", "(", ")", ";", "=", "-", "/"};
        for (String a : marks) {
            for (String b : marks) {
                for (String c : marks) all.add(a + b + c);
                all.add(a + b);
            }
        }
        SplittableRandom random = new SplittableRandom(1);
        while (all.size() < count - 256) {
            StringBuilder word = new StringBuilder(random.nextInt(2) == 0 ? " " : "");
            int length = 2 + random.nextInt(9);
            int alphabet = random.nextInt(12);
            for (int i = 0; i < length; i++) {
                word.appendCodePoint((alphabet == 0 ? 0x4E00 : alphabet == 1 ? 0x430 : 'a') + random.nextInt(26));
            }
            if (random.nextInt(20) == 0) word.append(marks[random.nextInt(marks.length)]);
            all.add(word.toString());
        }
        for (String word : all) tokens.add(word.getBytes(StandardCharsets.UTF_8));
        return tokens;
    }
}
