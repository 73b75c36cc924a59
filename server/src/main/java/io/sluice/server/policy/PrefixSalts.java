package io.sluice.server.policy;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.InvalidKeyException;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/// Gives each tenant, and each shared prefix, the salt of its part of the prefix cache: a keyed hash of its
/// name, under a key that nobody knows and that each process draws anew. Nothing is kept per tenant. Two of a
/// million tenants get the same salt with a probability of 3 in 10^8. Any thread.
public final class PrefixSalts {
    private static final String ALGORITHM = "HmacSHA256";

    private final SecretKeySpec key;

    public PrefixSalts(SecureRandom random) {
        byte[] bits = new byte[32];
        random.nextBytes(bits);
        key = new SecretKeySpec(bits, ALGORITHM);
    }

    public long ofTenant(String name) {
        return hash("tenant:" + name);
    }

    /// Of a part of the tenant's cache that a request names.
    public long ofTenant(String name, String part) {
        return hash("part:" + name + ":" + part); // no tenant's name has a colon
    }

    public long ofSharedPrefix(String name) {
        return hash("shared-prefix:" + name);
    }

    private long hash(String text) {
        try {
            Mac mac = Mac.getInstance(ALGORITHM); // not shared: it has a state
            mac.init(key);
            return ByteBuffer.wrap(mac.doFinal(text.getBytes(StandardCharsets.UTF_8)))
                    .getLong();
        } catch (NoSuchAlgorithmException | InvalidKeyException e) {
            throw new IllegalStateException("every Java has " + ALGORITHM, e);
        }
    }
}
