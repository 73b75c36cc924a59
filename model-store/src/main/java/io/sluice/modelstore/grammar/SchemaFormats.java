package io.sluice.modelstore.grammar;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/// The formats of strings that are known, as regular expressions: of dates, only those that exist. Any thread.
final class SchemaFormats {
    private static final String DAY_28 = "(0[1-9]|1\\d|2[0-8])";
    private static final String MONTHS =
            "((0[1-9]|1[0-2])-" + DAY_28 + "|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)";
    private static final String LEAP_YEAR = "(\\d\\d(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)";
    private static final String DATE = "(\\d{4}-" + MONTHS + "|" + LEAP_YEAR + "-02-29)";
    private static final String TIME =
            "([01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(\\.\\d{1,9})?(Z|[+-]([01]\\d|2[0-3]):[0-5]\\d)";
    private static final String DURATION_TIME = "T(\\d{1,9}H(\\d{1,9}M(\\d{1,9}S)?)?|\\d{1,9}M(\\d{1,9}S)?|\\d{1,9}S)";
    private static final String DURATION_DATE = "(\\d{1,9}Y(\\d{1,9}M(\\d{1,9}D)?)?|\\d{1,9}M(\\d{1,9}D)?|\\d{1,9}D)";
    private static final String LABEL = "[A-Za-z0-9]([A-Za-z0-9-]{0,30}[A-Za-z0-9])?";
    private static final String HOST = "(" + LABEL + "\\.){0,6}[A-Za-z]([A-Za-z0-9]{0,20}[A-Za-z0-9])?";
    private static final String BYTE = "(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
    private static final String IPV4 = "(" + BYTE + "\\.){3}" + BYTE;
    private static final String GROUP = "[0-9a-fA-F]{1,4}";
    private static final String IPV6 = "((" + GROUP + ":){7}" + GROUP + "|::(" + GROUP + "(:" + GROUP + "){0,5})?|"
            + GROUP + "::(" + GROUP + "(:" + GROUP + "){0,4})?|" + GROUP + ":" + GROUP + "::(" + GROUP + "(:" + GROUP
            + "){0,3})?)";
    private static final String PATH = "(/([A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})*)*";
    private static final String QUERY = "(\\?([A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*)?";
    private static final String FRAGMENT = "(#([A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*)?";
    private static final String URI =
            "[a-z][a-z0-9+.-]{0,20}://" + HOST + "(:[1-9]\\d{0,3})?" + PATH + QUERY + FRAGMENT;

    private static final Map<String, String> PATTERNS = Map.ofEntries(
            Map.entry("date", DATE),
            Map.entry("time", TIME),
            Map.entry("date-time", DATE + "T" + TIME),
            Map.entry("duration", "P(" + DURATION_DATE + "(" + DURATION_TIME + ")?|" + DURATION_TIME + "|\\d{1,9}W)"),
            Map.entry(
                    "email",
                    "[A-Za-z0-9_+-]{1,15}(\\.[A-Za-z0-9_+-]{1,15}){0,3}@(" + LABEL + "\\.){1,4}[A-Za-z]{2,10}"),
            Map.entry("hostname", HOST),
            Map.entry("ipv4", IPV4),
            Map.entry("ipv6", IPV6),
            Map.entry("uuid", "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"),
            Map.entry("uri", URI),
            Map.entry("json-pointer", "(/([^/~\"\\\\\\x00-\\x1f]|~[01])*)*"));

    private static final Map<String, Dfa> AUTOMATA = new ConcurrentHashMap<>(); // at most one per pattern

    private SchemaFormats() {}

    static Dfa automaton(String format) {
        String pattern = PATTERNS.get(format);
        if (pattern == null) {
            throw new GrammarException("the schema's format \"" + format + "\" is not supported; known are "
                    + String.join(", ", PATTERNS.keySet().stream().sorted().toList()));
        }
        return AUTOMATA.computeIfAbsent(format, _ -> Dfa.whole(RegexParser.parse(pattern)));
    }
}
