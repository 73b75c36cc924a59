package io.sluice.server.hub;

import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/// Where models come from and where they are kept, by the environment variables that Hugging Face's own tools read. A
/// value.
///
/// @param endpoint `HF_ENDPOINT`: the Hub, or a mirror of it
/// @param cache `HF_HUB_CACHE`, or `hub` in `HF_HOME`
/// @param token `HF_TOKEN`, or what `HF_TOKEN_PATH` or `token` in `HF_HOME` holds
/// @param offline `HF_HUB_OFFLINE`: nothing is fetched
public record HubSettings(URI endpoint, Path cache, Optional<String> token, boolean offline) {
    private static final int TOKEN_BYTES_MAX = 4096;

    /// What a header can carry; the client would print any other token in its complaint.
    private static final Pattern TOKEN = Pattern.compile("[!-~]+");

    public HubSettings {
        if (token.filter(text -> !TOKEN.matcher(text).matches()).isPresent()) {
            throw new PullFailed("the token for the Hub has blanks, line breaks or other characters that none has:"
                    + " look at HF_TOKEN, or the file that HF_TOKEN_PATH names");
        }
        if (endpoint.getUserInfo() != null) {
            throw new PullFailed(
                    "HF_ENDPOINT holds a user or a password, which are not sent: a token goes to HF_TOKEN");
        }
    }

    public static HubSettings of(Map<String, String> environment, Path userHome) {
        Path home = value(environment, "HF_HOME")
                .map(Path::of)
                .orElseGet(() -> value(environment, "XDG_CACHE_HOME")
                        .map(Path::of)
                        .orElse(userHome.resolve(".cache"))
                        .resolve("huggingface"));
        Path cache = value(environment, "HF_HUB_CACHE").map(Path::of).orElse(home.resolve("hub"));
        Path tokenFile = value(environment, "HF_TOKEN_PATH").map(Path::of).orElse(home.resolve("token"));
        String offline = value(environment, "HF_HUB_OFFLINE").orElse("").toUpperCase(Locale.ROOT);
        return new HubSettings(
                endpoint(value(environment, "HF_ENDPOINT").orElse("https://huggingface.co")),
                cache,
                value(environment, "HF_TOKEN").or(() -> read(tokenFile)),
                offline.equals("1") || offline.equals("TRUE") || offline.equals("YES") || offline.equals("ON"));
    }

    /// Without the token, which belongs in no log.
    @Override
    public String toString() {
        return "HubSettings[endpoint=" + endpoint + ", cache=" + cache + ", offline=" + offline + "]";
    }

    private static URI endpoint(String text) {
        try {
            URI endpoint = URI.create(text.replaceAll("/+$", ""));
            boolean web = "http".equals(endpoint.getScheme()) || "https".equals(endpoint.getScheme());
            if (web && endpoint.getHost() != null) return endpoint;
        } catch (IllegalArgumentException e) {
            throw new PullFailed("HF_ENDPOINT is \"" + text + "\", which is no address: " + e.getMessage(), e);
        }
        throw new PullFailed("HF_ENDPOINT is \"" + text + "\", which is no http or https address");
    }

    private static Optional<String> value(Map<String, String> environment, String name) {
        return Optional.ofNullable(environment.get(name)).map(String::strip).filter(text -> !text.isEmpty());
    }

    private static Optional<String> read(Path file) {
        try {
            if (!Files.isRegularFile(file) || Files.size(file) > TOKEN_BYTES_MAX) return Optional.empty();
            return Optional.of(Files.readString(file).strip()).filter(token -> !token.isEmpty());
        } catch (IOException e) {
            throw new PullFailed("the token in " + file + " cannot be read: " + e.getMessage(), e);
        }
    }
}
