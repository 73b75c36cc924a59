package io.sluice.server;

import io.sluice.server.generation.ServedModel;
import io.sluice.server.openai.StreamOwners;
import io.sluice.server.output.OutputFormat;
import io.sluice.server.settings.ServerSettings;
import io.sluice.server.settings.SettingsSource;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// The routes of a server that has no engine yet, or for which there is no room.
final class BareServer {
    private BareServer() {}

    static HttpServer start(ServerSettings.Http settings, Lifecycle lifecycle) {
        ServerMetrics metrics = new ServerMetrics("m", TestServer.TENANTS_SHOWN);
        ServedModel model = new ServedModel(
                List.of("m"),
                new ByteTokenizer(),
                Optional.empty(),
                TestServer.noDefaults(),
                1000,
                1,
                TestServer.TRAITS,
                OutputFormat.PLAIN);
        SettingsSource nothing = new SettingsSource(Map.of(), Optional.empty(), Map.of());
        Tenancy tenancy = Tenancy.of(nothing, nothing.settings(), model, metrics, Tenancy.Clocks.SYSTEM);
        return HttpServer.start(settings, TestServer.behind(lifecycle, metrics, tenancy, StreamOwners.BY_KEY));
    }
}
