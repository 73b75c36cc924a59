package io.sluice.server.policy;

import java.math.BigInteger;
import java.util.Optional;
import java.util.random.RandomGenerator;

/// The secret that a client sends: `sk-sluice-ID-RANDOM`. A value; it is shown once and kept nowhere.
///
/// @param id finds the key
/// @param text all of it
public record KeySecret(String id, String text) {
    private static final String PREFIX = "sk-sluice-";
    private static final String DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    private static final int BITS = 256;

    /// 62 digits, 43 places: just enough for 256 bits. No sign in it, so that a double click takes all of it.
    private static final int LENGTH = 43;

    private static final int ID_LENGTH = 10;

    /// A new one.
    static KeySecret random(RandomGenerator random) {
        StringBuilder id = new StringBuilder();
        // Lower case alone: ids are read aloud.
        for (int i = 0; i < ID_LENGTH; i++) id.append(Character.toLowerCase(DIGITS.charAt(random.nextInt(36))));
        byte[] bits = new byte[BITS / 8];
        random.nextBytes(bits);
        BigInteger rest = new BigInteger(1, bits);
        StringBuilder secret = new StringBuilder();
        for (int i = 0; i < LENGTH; i++) {
            BigInteger[] parts = rest.divideAndRemainder(BigInteger.valueOf(DIGITS.length()));
            secret.append(DIGITS.charAt(parts[1].intValue()));
            rest = parts[0];
        }
        return new KeySecret(id.toString(), PREFIX + id + "-" + secret);
    }

    /// Finds the id in what a client sent; empty if it is no key of ours.
    static Optional<KeySecret> parse(String text) {
        int idEnd = text.startsWith(PREFIX) ? text.indexOf('-', PREFIX.length()) : -1;
        return idEnd < 0 ? Optional.empty() : Optional.of(new KeySecret(text.substring(PREFIX.length(), idEnd), text));
    }

    /// Not the secret: it must not come into a log by mistake.
    @Override
    public String toString() {
        return PREFIX + id + "-...";
    }
}
