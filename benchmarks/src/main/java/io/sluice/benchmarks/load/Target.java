package io.sluice.benchmarks.load;

import java.net.URI;
import java.net.URISyntaxException;

/// Where a server is. A value; the constructor is the proof of validity.
///
/// @param path in front of each API's own, such as `/v1`; no slash at its end
record Target(boolean tls, String host, int port, String path) {

    /// The server at an address as clients write it, with or without `/v1`.
    ///
    /// @throws IllegalArgumentException with what is wrong with it
    static Target of(String url) {
        URI uri;
        try {
            uri = new URI(url.contains("://") ? url : "http://" + url);
        } catch (URISyntaxException e) {
            throw new IllegalArgumentException(
                    "must be an address such as http://127.0.0.1:8000, got \"" + url + "\"", e);
        }
        String scheme = uri.getScheme();
        if (!scheme.equals("http") && !scheme.equals("https")) {
            throw new IllegalArgumentException("must begin with http:// or https://, got \"" + url + "\"");
        }
        if (uri.getHost() == null) throw new IllegalArgumentException("names no host: \"" + url + "\"");
        boolean tls = scheme.equals("https");
        String path = uri.getRawPath() == null ? "" : uri.getRawPath().replaceFirst("/+$", "");
        return new Target(
                tls, uri.getHost(), uri.getPort() >= 0 ? uri.getPort() : tls ? 443 : 80, path.isEmpty() ? "/v1" : path);
    }

    @Override
    public String toString() {
        return (tls ? "https://" : "http://") + host + ":" + port + path;
    }
}
