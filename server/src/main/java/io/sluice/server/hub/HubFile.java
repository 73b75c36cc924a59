package io.sluice.server.hub;

import java.util.regex.Pattern;

/// A file of a model, as the Hub lists it. The constructor lets nothing through that could leave its folder.
///
/// @param path within the model, `/` between its parts
/// @param checksum SHA-256 of the content if it is large, else git's SHA-1 of it as a blob; also its name in the cache
record HubFile(String path, long size, String checksum) {
    private static final Pattern CHECKSUM = Pattern.compile("[0-9a-f]{40}|[0-9a-f]{64}");
    private static final int PATH_MAX = 512;

    /// Above any file of a model; sizes of a whole listing add up without overflow.
    private static final long SIZE_MAX = 1L << 42;

    HubFile {
        boolean safe = !path.isEmpty()
                && path.length() <= PATH_MAX
                && !path.startsWith("/")
                && !path.contains("\\")
                && path.chars().noneMatch(Character::isISOControl);
        for (String part : path.split("/", -1)) safe &= !part.isEmpty() && !part.equals(".") && !part.equals("..");
        if (!safe) throw new PullFailed("the Hub lists a file named \"" + printable(path) + "\", which no model has");
        if (size < 0 || size > SIZE_MAX) throw new PullFailed("the Hub says that " + path + " has " + size + " bytes");
        if (!CHECKSUM.matcher(checksum).matches()) {
            throw new PullFailed("the Hub gives no checksum for " + path + ": is it a complete mirror?");
        }
    }

    boolean isSha256() {
        return checksum.length() == 64;
    }

    private static String printable(String path) {
        String line = path.replaceAll("\\p{Cntrl}", " ");
        return line.length() <= 100 ? line : line.substring(0, 100) + "...";
    }
}
