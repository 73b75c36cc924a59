package io.sluice.server.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Random;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

class HubModelsTest {
    private static final ModelName TINY = name(FakeHub.MODEL);
    private static final Duration LONG = Duration.ofMinutes(5);
    private static final String CONFIG = "{\"model_type\": \"llama\"}";

    @TempDir
    Path cache;

    private final FakeHub hub = new FakeHub();
    private final Recorded progress = new Recorded();
    private final List<Duration> pauses = new CopyOnWriteArrayList<>();
    private byte[] weights = {};
    private long usableBytes = 1L << 40;
    private boolean offline;

    /// What a pull told.
    private static final class Recorded implements PullProgress {
        private final List<String> retries = new CopyOnWriteArrayList<>();
        private final List<String> completed = new CopyOnWriteArrayList<>();
        private long total;
        private long received;

        @Override
        public void begins(int fileCount, long bytes) {
            total = bytes;
        }

        @Override
        public synchronized void advances(long bytes) {
            received += bytes;
        }

        @Override
        public void retries(String why) {
            retries.add(why);
        }

        @Override
        public void completes(HubFile file) {
            completed.add(file.path());
        }

        @Override
        public void ends() {}
    }

    @BeforeEach
    void fillTheHub() {
        weights = new byte[700_000];
        new Random(5).nextBytes(weights);
        hub.small("config.json", CONFIG);
        hub.small("tokenizer.json", "{}");
        hub.small("README.md", "read me");
        hub.large("model.safetensors", weights);
        hub.large("pytorch_model.bin", new byte[10]);
        hub.large("original/model.safetensors", new byte[11]);
    }

    @AfterEach
    void closeTheHub() {
        hub.close();
    }

    private static ModelName name(String text) {
        return ModelName.parse(text).orElseThrow();
    }

    private HubModels models() {
        HubSettings settings = new HubSettings(hub.endpoint(), cache, Optional.of("secret"), offline);
        return new HubModels(settings, progress, pauses::add, _ -> usableBytes);
    }

    private HubFile weightsFile() {
        return new HubFile("model.safetensors", weights.length, hub.checksum("model.safetensors"));
    }

    private void fetch(HubFile file, Duration silenceMax) throws IOException, InterruptedException {
        HubSettings settings = new HubSettings(hub.endpoint(), cache, Optional.empty(), false);
        try (HubClient client = new HubClient(settings, LONG)) {
            new FileDownload(client, new HubCache(cache), progress, pauses::add, silenceMax)
                    .fetch(TINY, FakeHub.COMMIT, file);
        }
    }

    @Test
    void whatServesTheModelLiesWhereOtherToolsLookForIt() throws Exception {
        Path folder = models().pull(TINY);
        Path root = cache.resolve("models--acme--tiny");
        assertThat(folder).isEqualTo(root.resolve("snapshots").resolve(FakeHub.COMMIT));
        assertThat(root.resolve("refs/main")).hasContent(FakeHub.COMMIT);
        assertThat(folder.resolve("config.json")).hasContent(CONFIG).isSymbolicLink();
        assertThat(folder.resolve("model.safetensors")).hasBinaryContent(weights);
        assertThat(Files.readSymbolicLink(folder.resolve("model.safetensors")))
                .isEqualTo(Path.of("../../blobs", hub.checksum("model.safetensors")));
        assertThat(progress.completed).containsExactlyInAnyOrder("config.json", "tokenizer.json", "model.safetensors");
        assertThat(progress.received).isEqualTo(progress.total).isEqualTo(weights.length + CONFIG.length() + 2L);
    }

    @Test
    void theTemplateForToolsIsFetchedToo() throws Exception {
        hub.small("additional_chat_templates/tool_use.jinja", "{{ tools }}");
        assertThat(models().pull(TINY).resolve("additional_chat_templates/tool_use.jinja"))
                .hasContent("{{ tools }}");
    }

    @Test
    void theTokenGoesToTheHubAndNowhereThatItRedirectsTo() throws Exception {
        models().pull(TINY);
        assertThat(hub.requests).allMatch(request -> request.endsWith("Bearer secret"));
        assertThat(hub.requestsElsewhere).isNotEmpty().allMatch(request -> request.endsWith(" null"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"secret\nsecond line", "secret word", "secret\u00e9"})
    void aTokenThatNoHeaderCanCarryIsRefusedAndNotPrinted(String token) {
        assertThatThrownBy(() -> HubSettings.of(Map.of("HF_TOKEN", token), cache))
                .isInstanceOf(PullFailed.class)
                .hasMessageContaining("HF_TOKEN")
                .hasMessageNotContaining("secret");
    }

    @Test
    void secretsAreNotPrintedWithTheSettings() {
        assertThat(HubSettings.of(Map.of("HF_TOKEN", "secret"), cache).toString())
                .contains("huggingface.co")
                .doesNotContain("secret");
        assertThatThrownBy(() -> HubSettings.of(Map.of("HF_ENDPOINT", "https://me:secret@example.com"), cache))
                .isInstanceOf(PullFailed.class)
                .hasMessageNotContaining("secret");
    }

    @Test
    void whatIsThereIsNotFetchedAgain() throws Exception {
        Path first = models().pull(TINY);
        hub.requests.clear();
        assertThat(models().pull(TINY)).isEqualTo(first);
        assertThat(hub.requests).hasSize(1);
    }

    @Test
    void afterACutItGoesOnWhereItStopped() throws Exception {
        hub.cuts.set(3);
        Path folder = models().pull(TINY);
        assertThat(folder.resolve("model.safetensors")).hasBinaryContent(weights);
        assertThat(hub.requestsElsewhere).hasSize(4);
        assertThat(hub.requestsElsewhere.getFirst()).contains(" null ");
        assertThat(hub.requestsElsewhere.getLast()).contains(" bytes=");
        assertThat(progress.received).isEqualTo(progress.total);
        assertThat(progress.retries).hasSize(3);
    }

    @Test
    void aServerThatFallsSilentIsLeftAndAskedAnew() throws Exception {
        hub.silences.set(1);
        HubCache stored = new HubCache(cache);
        HubFile file = weightsFile();
        fetch(file, Duration.ofMillis(500));
        assertThat(stored.blob(TINY, file)).hasBinaryContent(weights);
        assertThat(progress.retries).singleElement().asString().contains("nothing came for");
    }

    @Test
    void aLaterRunGoesOnToo() throws Exception {
        Path blobs = Files.createDirectories(cache.resolve("models--acme--tiny/blobs"));
        Path incomplete = blobs.resolve(hub.checksum("model.safetensors") + ".incomplete");
        Files.write(incomplete, Arrays.copyOf(weights, 123_456));
        Path folder = models().pull(TINY);
        assertThat(folder.resolve("model.safetensors")).hasBinaryContent(weights);
        assertThat(hub.requestsElsewhere).singleElement().asString().contains("bytes=123456-");
        assertThat(incomplete).doesNotExist();
    }

    @Test
    void aServerThatDoesNotGoOnIsHeardFromTheStart() throws Exception {
        hub.cuts.set(1);
        hub.ignoresRanges = true;
        assertThat(models().pull(TINY).resolve("model.safetensors")).hasBinaryContent(weights);
        assertThat(progress.received).isEqualTo(progress.total);
    }

    @Test
    void oneThatIsCutOffEachTimeBringsWhatItCanAndThenSaysSo() {
        hub.cuts.set(1000);
        assertThatThrownBy(() -> models().pull(TINY))
                .isInstanceOf(PullFailed.class)
                .hasMessageContainingAll("model.safetensors does not come", "go on where it stopped");
    }

    @Test
    void oneThatBeginsAnewEachTimeAndNeverGetsFurtherIsGivenUp() {
        hub.cuts.set(100);
        hub.ignoresRanges = true;
        assertThatThrownBy(() -> models().pull(TINY))
                .isInstanceOf(PullFailed.class)
                .hasMessageContaining("model.safetensors does not come");
    }

    @Test
    void whatAnotherPullHasBroughtMeanwhileIsNotFetchedAgain() throws Exception {
        fetch(weightsFile(), LONG);
        fetch(weightsFile(), LONG);
        assertThat(hub.requestsElsewhere).hasSize(1);
        assertThat(cache.resolve("models--acme--tiny/blobs"))
                .isDirectoryNotContaining("glob:**.incomplete")
                .isDirectoryContaining("glob:**" + weightsFile().checksum());
    }

    @Test
    @EnabledOnOs(OS.LINUX)
    void aDiskThatFillsUpWhileFetchingIsToldAtOnce() throws Exception {
        Path blobs = Files.createDirectories(cache.resolve("models--acme--tiny/blobs"));
        Files.createSymbolicLink(blobs.resolve(weightsFile().checksum() + ".incomplete"), Path.of("/dev/full"));
        assertThatThrownBy(() -> fetch(weightsFile(), LONG))
                .isInstanceOf(PullFailed.class)
                .hasMessageContainingAll("model.safetensors cannot be written", "Make room");
        assertThat(hub.requestsElsewhere).hasSize(1);
    }

    @Test
    void aFileThatFailsStopsTheOthers() {
        hub.silences.set(1); // the weights do not end
        hub.small("generation_config.json", "{ }");
        hub.lost.add("generation_config.json");
        assertThatThrownBy(() -> models().pull(TINY))
                .isInstanceOf(PullFailed.class)
                .hasMessageContaining("does not exist");
        assertThat(progress.completed).doesNotContain("model.safetensors");
    }

    @Test
    @Timeout(300) // instead of for ever
    void aListThatNeverEndsIsLeft() {
        hub.listsWithoutEnd = true;
        HubSettings settings = new HubSettings(hub.endpoint(), cache, Optional.empty(), false);
        try (HubClient client = new HubClient(settings, Duration.ofMillis(200))) {
            assertThatThrownBy(() -> client.list(TINY))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("the list of files did not come");
        }
    }

    @Test
    void aSizeThatNoFileHasIsNotBelieved() {
        hub.claimedSize = OptionalLong.of(Long.MAX_VALUE);
        assertThatThrownBy(() -> models().pull(TINY))
                .isInstanceOf(PullFailed.class)
                .hasMessageContaining(Long.MAX_VALUE + " bytes");
        assertThat(hub.requestsElsewhere).isEmpty();
    }

    @Test
    void aWrongByteIsFoundAndFetchedAgain() throws Exception {
        hub.lies.set(1);
        assertThat(models().pull(TINY).resolve("model.safetensors")).hasBinaryContent(weights);
        assertThat(progress.retries).singleElement().asString().contains("wrong checksum");
    }

    @Test
    void aServerThatAlwaysLiesIsNotBelieved() {
        hub.lies.set(1000);
        assertThatThrownBy(() -> models().pull(TINY))
                .isInstanceOf(PullFailed.class)
                .hasMessageContaining("checksum is wrong, twice");
        assertThat(cache.resolve("models--acme--tiny/blobs").resolve(hub.checksum("model.safetensors")))
                .doesNotExist();
        assertThat(models().cached(TINY)).isEmpty();
    }

    @Test
    void aHubThatIsBusyIsAskedAgainWhenItSays() throws Exception {
        hub.throttles.set(2);
        models().pull(TINY);
        assertThat(pauses).isNotEmpty().allMatch(pause -> pause.toSeconds() >= 7);
        assertThat(progress.retries).isNotEmpty().allMatch(why -> why.endsWith("answers 429 and asks to wait 7 s"));
    }

    @ParameterizedTest
    @CsvSource({
        "401, does not exist or is private",
        "403, accept its terms on",
        "404, has no such revision",
        "418, answers 418",
    })
    void aRefusalSaysWhatToDo(int status, String inMessage) {
        hub.refusesWith = status;
        assertThatThrownBy(() -> models().pull(TINY))
                .isInstanceOf(PullFailed.class)
                .hasMessageContaining(inMessage.replace(" or is", ", or is"));
    }

    @Test
    void whatIsNoHubIsToldSo() {
        hub.answersHtml = true;
        assertThatThrownBy(() -> models().pull(TINY))
                .isInstanceOf(PullFailed.class)
                .hasMessageContaining("is HF_ENDPOINT right?");
    }

    @Test
    void redirectsInCirclesEnd() {
        hub.redirectsInCircles = true;
        assertThatThrownBy(() -> models().pull(TINY))
                .isInstanceOf(PullFailed.class)
                .hasMessageContaining("redirects more than");
    }

    @ParameterizedTest
    @ValueSource(strings = {"../config.json", "/etc/model.safetensors", "a/../../b.json", "a//b", "c:\\\\x.json"})
    void aFileThatWouldLeaveItsFolderIsRefused(String path) {
        hub.small(path, "x");
        assertThatThrownBy(() -> models().pull(TINY))
                .isInstanceOf(PullFailed.class)
                .hasMessageContaining("which no model has");
    }

    @Test
    void aFullDiskIsFoundBeforeAnythingIsFetched() {
        usableBytes = 1000;
        assertThatThrownBy(() -> models().pull(TINY))
                .isInstanceOf(PullFailed.class)
                .hasMessageContainingAll("needs 1 MiB more", "set HF_HUB_CACHE");
        assertThat(hub.requestsElsewhere).isEmpty();
    }

    @Test
    void offlineTakesWhatIsHereAndAsksNobody() throws Exception {
        offline = true;
        assertThatThrownBy(() -> models().pull(TINY))
                .isInstanceOf(PullFailed.class)
                .hasMessageContaining("HF_HUB_OFFLINE is set");
        offline = false;
        Path folder = models().pull(TINY);
        hub.requests.clear();
        offline = true;
        assertThat(models().pull(TINY)).isEqualTo(folder);
        assertThat(hub.requests).isEmpty();
    }

    @Test
    void ofSeveralGgufFilesOneMustBeNamed() throws Exception {
        hub.large("tiny-Q8_0.gguf", new byte[] {1, 2});
        hub.large("tiny-Q4_K_M.gguf", new byte[] {3, 4, 5});
        Path file = models().pull(name(FakeHub.MODEL + ":q4_k_m"));
        assertThat(file).hasFileName("tiny-Q4_K_M.gguf").hasBinaryContent(new byte[] {3, 4, 5});
        offline = true;
        assertThat(models().pull(name(FakeHub.MODEL + ":Q4_K_M"))).isEqualTo(file);
        offline = false;
        assertThatThrownBy(() -> models().pull(name(FakeHub.MODEL + ":Q2_K")))
                .isInstanceOf(PullFailed.class)
                .hasMessageContainingAll("no file Q2_K", "tiny-Q8_0.gguf");
    }

    @Test
    void modelsAreListedAndRemoved() throws IOException, InterruptedException {
        models().pull(TINY);
        HubCache stored = new HubCache(cache);
        assertThat(stored.list()).singleElement().satisfies(model -> {
            assertThat(model.repository()).isEqualTo(FakeHub.MODEL);
            assertThat(model.revisions()).containsExactly("main");
            assertThat(model.bytes()).isGreaterThan(weights.length);
        });
        stored.remove(stored.list().getFirst());
        assertThat(stored.list()).isEmpty();
        assertThat(cache.resolve("models--acme--tiny")).doesNotExist();
    }

    @Test
    void theCommandListsShowsAndRemovesNothingWithoutBeingSure() throws InterruptedException {
        models().pull(TINY);
        assertThat(run("list")).contains("acme/tiny", "MiB", "main");
        assertThat(run("show", "acme/tiny")).contains("model.safetensors", "700,000 bytes");
        assertThat(run("remove", "acme/tiny")).contains("add --yes");
        assertThat(run("show", "acme/other")).contains("there is no model acme/other");
        assertThat(run("remove", "acme/tiny", "--yes")).contains("removed acme/tiny");
        assertThat(run("list")).contains("no models");
    }

    @Test
    void aWrongEndpointIsToldByTheCommandThatIsRunAndByNoOther() {
        Map<String, String> wrong = Map.of("HF_ENDPOINT", "nonsense", "HF_HUB_CACHE", cache.toString());
        assertThat(run(wrong, "--help")).contains("Lists, shows and removes");
        assertThat(run(wrong, "list")).contains("HF_ENDPOINT is \"nonsense\"").doesNotContain("\tat ");
    }

    private String run(String... arguments) {
        return run(Map.of("HF_HUB_CACHE", cache.toString()), arguments);
    }

    private static String run(Map<String, String> environment, String... arguments) {
        StringWriter text = new StringWriter();
        PrintWriter out = new PrintWriter(text, true);
        new CommandLine(new ModelsCommand(environment)).setOut(out).setErr(out).execute(arguments);
        return text.toString();
    }

    @ParameterizedTest
    @CsvSource({
        "org/name, org/name, main, ''",
        "org/na.me-1_x@v1.0, org/na.me-1_x, v1.0, ''",
        "org/name@refs/pr/1:Q4_K_M, org/name, refs/pr/1, Q4_K_M",
    })
    void namesAreRead(String text, String repository, String revision, String file) {
        assertThat(name(text)).isEqualTo(new ModelName(repository, revision, file));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"name", "./a/b", "/a/b", "a/b/c", "a/..", "../b", "a--b/c", "a/b@", "a/b@../x", "a b/c", "a/b:"})
    void whatIsNoNameIsNone(String text) {
        assertThat(ModelName.parse(text)).isEmpty();
    }
}
