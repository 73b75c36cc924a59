package io.sluice.server.policy;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.regex.Pattern;

/// What is kept of a secret: its SHA-256. The secrets are 256 random bits, so nothing slower is needed
/// against guessing. A value.
final class KeyHash {
    private static final String PREFIX = "sha256:";
    private static final Pattern FORM = Pattern.compile(PREFIX + "[0-9a-fA-F]{64}");

    /// Of nothing that could be sent: what unknown keys are compared with, so that they take as long as known ones.
    static final KeyHash OF_NOBODY = new KeyHash(new byte[32]);

    private final byte[] sha256;

    private KeyHash(byte[] sha256) {
        this.sha256 = sha256;
    }

    static KeyHash of(String secret) {
        try {
            return new KeyHash(MessageDigest.getInstance("SHA-256").digest(secret.getBytes(StandardCharsets.UTF_8)));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        }
    }

    /// Reads what `toString` wrote.
    static KeyHash parse(String text) {
        if (!FORM.matcher(text).matches()) {
            throw new IllegalArgumentException("must be sha256: and 64 hexadecimal digits");
        }
        return new KeyHash(HexFormat.of().parseHex(text, PREFIX.length(), text.length()));
    }

    /// Takes the same time whatever the difference is.
    boolean matches(KeyHash other) {
        return MessageDigest.isEqual(sha256, other.sha256);
    }

    /// Enough to tell two apart, too little to do anything with.
    String beginning() {
        return PREFIX + HexFormat.of().formatHex(sha256, 0, 4) + "...";
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof KeyHash that && matches(that);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(sha256);
    }

    @Override
    public String toString() {
        return PREFIX + HexFormat.of().formatHex(sha256);
    }
}
