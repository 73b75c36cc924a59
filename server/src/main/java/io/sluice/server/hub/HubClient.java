package io.sluice.server.hub;

import io.sluice.server.http.ApiError;
import io.sluice.server.openai.Json;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Asks the Hub, or a mirror of it. The token goes to the endpoint and nowhere that it redirects to. Any thread.
final class HubClient implements AutoCloseable {
    /// Listings of the largest repositories have a few MiB.
    private static final int LISTING_BYTES_MAX = 32 << 20;

    private static final int FILES_MAX = 20_000;
    private static final int REDIRECTS_MAX = 5;
    private static final Duration CONNECT_MAX = Duration.ofSeconds(15);
    private static final Duration ANSWER_MAX = Duration.ofSeconds(60);

    private final HubSettings settings;
    private final Duration listingMax;
    private final HttpClient http = HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(CONNECT_MAX)
            .followRedirects(HttpClient.Redirect.NEVER)
            .build();

    /// @param listingMax how long a list of files may take, once it begins
    HubClient(HubSettings settings, Duration listingMax) {
        this.settings = settings;
        this.listingMax = listingMax;
    }

    /// A model's files at a commit.
    record Listing(String commit, List<HubFile> files) {}

    /// The Hub cannot do it now: worth another try, not before so many seconds.
    static final class Busy extends IOException {
        private final long afterSeconds;

        Busy(String message, long afterSeconds) {
            super(message);
            this.afterSeconds = afterSeconds;
        }

        long afterSeconds() {
            return afterSeconds;
        }
    }

    Listing list(ModelName model) throws IOException, InterruptedException {
        URI uri = URI.create(settings.endpoint() + "/api/models/" + model.repository() + "/revision/"
                + URLEncoder.encode(model.revision(), StandardCharsets.UTF_8) + "?blobs=true");
        HttpResponse<InputStream> response = open(model, uri, 0);
        byte[] body = readListing(response.body());
        if (body.length > LISTING_BYTES_MAX) throw new PullFailed("the list of " + model + "'s files has no end");
        try {
            return listing(model, Json.parseObject(body));
        } catch (ApiError e) {
            throw new PullFailed(
                    settings.endpoint() + " does not answer as the Hugging Face Hub does: is HF_ENDPOINT right?", e);
        }
    }

    /// The timeout of a request ends with the head of its answer; a body may fall silent, or never end.
    private byte[] readListing(InputStream body) throws IOException {
        try (InputStream in = body;
                StallGuard guard = new StallGuard(in, listingMax)) {
            try {
                return in.readNBytes(LISTING_BYTES_MAX + 1);
            } catch (IOException e) {
                if (!guard.isStalled()) throw e;
                throw new IOException("the list of files did not come within " + listingMax.toSeconds() + " s", e);
            }
        }
    }

    private Listing listing(ModelName model, Map<String, Object> answer) {
        if (!(answer.get("sha") instanceof String commit)
                || !HubCache.isCommit(commit)
                || !(answer.get("siblings") instanceof List<?> siblings)) {
            throw new PullFailed(settings.endpoint() + " lists no commit and no files of " + model
                    + ": it does not answer as the Hugging Face Hub does");
        }
        if (siblings.size() > FILES_MAX) throw new PullFailed(model + " has more than " + FILES_MAX + " files");
        List<HubFile> files = new ArrayList<>();
        for (Object sibling : siblings) {
            if (sibling instanceof Map<?, ?> entry && entry.get("rfilename") instanceof String path) {
                files.add(file(path, entry));
            }
        }
        return new Listing(commit, files);
    }

    private static HubFile file(String path, Map<?, ?> entry) {
        Object checksum = entry.get("blobId");
        Object size = entry.get("size");
        if (entry.get("lfs") instanceof Map<?, ?> large) {
            checksum = large.get("sha256");
            size = large.get("size");
        }
        return new HubFile(
                path,
                size instanceof Number number ? number.longValue() : -1,
                checksum instanceof String text ? text : "");
    }

    /// The file's content from byte `from` on.
    HttpResponse<InputStream> download(ModelName model, String commit, HubFile file, long from)
            throws IOException, InterruptedException {
        StringBuilder path = new StringBuilder();
        for (String part : file.path().split("/", -1)) {
            path.append('/')
                    .append(URLEncoder.encode(part, StandardCharsets.UTF_8).replace("+", "%20"));
        }
        URI uri = URI.create(settings.endpoint() + "/" + model.repository() + "/resolve/" + commit + path);
        return open(model, uri, from);
    }

    private HttpResponse<InputStream> open(ModelName model, URI first, long from)
            throws IOException, InterruptedException {
        URI uri = first;
        for (int redirects = 0; redirects <= REDIRECTS_MAX; redirects++) {
            HttpRequest.Builder request = HttpRequest.newBuilder(uri)
                    .timeout(ANSWER_MAX)
                    .header("User-Agent", "sluice")
                    .header("Accept-Encoding", "identity");
            if (from > 0) request.header("Range", "bytes=" + from + "-");
            if (isEndpoint(uri))
                settings.token().ifPresent(token -> request.header("Authorization", "Bearer " + token));
            HttpResponse<InputStream> response = http.send(request.build(), HttpResponse.BodyHandlers.ofInputStream());
            int status = response.statusCode();
            if (status == 200 || status == 206 || status == 416) return response;
            response.body().close();
            if (status < 300 || status > 399) throw refusal(model, uri, response);
            uri = redirected(uri, response);
        }
        throw new PullFailed(first + " redirects more than " + REDIRECTS_MAX + " times");
    }

    private static URI redirected(URI uri, HttpResponse<?> response) {
        String location = response.headers().firstValue("Location").orElse("");
        try {
            URI next = uri.resolve(location);
            boolean web = "https".equals(next.getScheme()) || "http".equals(next.getScheme());
            boolean lessSafe = "https".equals(uri.getScheme()) && !"https".equals(next.getScheme());
            if (!location.isEmpty() && web && next.getHost() != null && !lessSafe) return next;
        } catch (IllegalArgumentException e) {
            throw new PullFailed(uri + " redirects to \"" + location + "\", which is no address", e);
        }
        throw new PullFailed(uri + " redirects to \"" + location + "\", which is not followed");
    }

    private boolean isEndpoint(URI uri) {
        URI endpoint = settings.endpoint();
        return uri.getScheme().equals(endpoint.getScheme())
                && uri.getHost().equalsIgnoreCase(endpoint.getHost())
                && uri.getPort() == endpoint.getPort();
    }

    private PullFailed refusal(ModelName model, URI uri, HttpResponse<?> response) throws Busy {
        String page = settings.endpoint() + "/" + model.repository();
        int status = response.statusCode();
        return switch (status) {
            case 401 ->
                new PullFailed(model + " does not exist, or is private: "
                        + (settings.token().isEmpty()
                                ? "set HF_TOKEN to a token that may read it"
                                : "the token may not read it"));
            case 403 -> new PullFailed(model + " may not be read: accept its terms on " + page + " and set HF_TOKEN");
            case 404 ->
                new PullFailed(model + " does not exist at " + settings.endpoint() + ", or has no such revision");
            case 408, 429, 500, 502, 503, 504 -> throw busy(uri.getHost() + " answers " + status, retryAfter(response));
            default -> new PullFailed(uri.getHost() + " answers " + status + " for " + model);
        };
    }

    /// Whoever waits for hours shall know.
    private static Busy busy(String problem, long afterSeconds) {
        return new Busy(
                afterSeconds == 0 ? problem : problem + " and asks to wait " + afterSeconds + " s", afterSeconds);
    }

    private static long retryAfter(HttpResponse<?> response) {
        Optional<String> header = response.headers().firstValue("Retry-After");
        return header.filter(text -> text.matches("\\d{1,4}"))
                .map(Long::valueOf)
                .orElse(0L);
    }

    @Override
    public void close() {
        http.shutdownNow();
    }
}
