package io.sluice.server.access;

import io.helidon.http.HeaderNames;
import io.helidon.http.ServerRequestHeaders;
import io.sluice.server.http.ApiError;
import io.sluice.server.settings.Loopback;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Decides, where nobody needs a key because only this machine reaches the server, whether a request is one of its
/// programs' own. A browser on this machine reaches it too, on behalf of any web page: it then says whose page that is
/// (`Origin`), or by which name the page had the server looked up (`Host`). Any thread.
final class LocalPrograms {
    private static final Pattern HOST = Pattern.compile("(\\[[^]]*]|[^:\\[\\]]*)(:\\d*)?");
    private static final Pattern ORIGIN = Pattern.compile("https?://(.*)");
    private static final String INSTEAD =
            " Without API keys this server answers its own machine alone, as localhost, 127.0.0.1 or [::1], and no other"
                    + " site's pages. Give it keys (--api-keys-file), or open its main port to everybody with"
                    + " --allow-anonymous.";

    private LocalPrograms() {}

    /// @throws ApiError 403 if it is not
    static void require(ServerRequestHeaders headers) {
        List<String> hosts = headers.values(HeaderNames.HOST);
        if (hosts.size() != 1 || !isHere(hosts.getFirst())) {
            throw ApiError.forbidden("Host", "foreign_host", "The Host header names another machine." + INSTEAD);
        }
        if (!headers.values(HeaderNames.ORIGIN).stream().allMatch(LocalPrograms::isPageOfHere)) {
            throw ApiError.forbidden(
                    "Origin", "foreign_origin", "The Origin header names a page of another site." + INSTEAD);
        }
    }

    private static boolean isPageOfHere(String origin) {
        Matcher page = ORIGIN.matcher(origin.toLowerCase(Locale.ROOT));
        return page.matches() && isHere(page.group(1));
    }

    private static boolean isHere(String authority) {
        Matcher host = HOST.matcher(authority);
        return host.matches() && Loopback.is(host.group(1));
    }
}
