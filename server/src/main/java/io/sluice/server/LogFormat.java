package io.sluice.server;

import io.sluice.server.http.JsonOut;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.logging.ConsoleHandler;
import java.util.logging.Formatter;
import java.util.logging.Level;
import java.util.logging.LogManager;
import java.util.logging.LogRecord;
import java.util.logging.Logger;

/// One line per log record on standard error: for people, or as JSON for machines. Any thread.
final class LogFormat extends Formatter {
    private static final DateTimeFormatter CLOCK =
            DateTimeFormatter.ofPattern("HH:mm:ss.SSS").withZone(ZoneId.systemDefault());

    private final boolean json;

    private LogFormat(boolean json) {
        this.json = json;
    }

    /// Takes over the process's logging.
    static void install(String format) {
        LogManager.getLogManager().reset();
        ConsoleHandler handler = new ConsoleHandler();
        handler.setFormatter(new LogFormat(format.equals("json")));
        Logger root = Logger.getLogger("");
        root.setLevel(Level.WARNING);
        root.addHandler(handler);
        // Other libraries' start-up talk is of no use to operators; ours is.
        OURS.setLevel(Level.INFO);
        // A port that is taken is reported by the start itself, in one line.
        LISTENER.setLevel(Level.OFF);
    }

    /// Held here, because loggers that nobody holds forget their levels.
    private static final Logger OURS = Logger.getLogger("io.sluice");

    private static final Logger LISTENER = Logger.getLogger("io.helidon.webserver.ServerListener");

    @Override
    public String format(LogRecord record) {
        return json ? asJson(record) : asText(record);
    }

    private String asText(LogRecord record) {
        return CLOCK.format(record.getInstant()) + " " + record.getLevel().getName() + " " + formatMessage(record)
                + "\n" + stackTrace(record);
    }

    private String asJson(LogRecord record) {
        return new JsonOut()
                .raw("{\"time\":")
                .string(record.getInstant().toString())
                .raw(",\"level\":")
                .string(record.getLevel().getName())
                .raw(",\"logger\":")
                .string(record.getLoggerName())
                .raw(",\"message\":")
                .string(formatMessage(record) + stackTrace(record))
                .raw("}\n")
                .toString();
    }

    private static String stackTrace(LogRecord record) {
        if (record.getThrown() == null) return "";
        StringWriter text = new StringWriter();
        record.getThrown().printStackTrace(new PrintWriter(text));
        return text.toString();
    }
}
