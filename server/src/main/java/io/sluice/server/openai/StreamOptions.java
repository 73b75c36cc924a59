package io.sluice.server.openai;

import io.sluice.server.http.ApiError;

/// What a stream tells besides its text. A value.
///
/// @param usageAtEnd one more event holds the usage
/// @param usageAlways so does each event: of what was read so far
public record StreamOptions(boolean usageAtEnd, boolean usageAlways) {
    static final StreamOptions NONE = new StreamOptions(false, false);

    static StreamOptions parse(Fields fields) {
        Fields options = fields.object("stream_options");
        if (options == null) return NONE;
        if (!fields.isTrue("stream")) {
            throw ApiError.invalid("stream_options", "stream_options is only allowed when stream is true.");
        }
        return new StreamOptions(options.isTrue("include_usage"), options.isTrue("continuous_usage_stats"));
    }
}
