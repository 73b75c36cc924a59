package io.sluice.server.audit;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.Base64;
import java.util.HexFormat;
import javax.crypto.Cipher;
import javax.crypto.Mac;
import javax.crypto.spec.GCMParameterSpec;
import javax.crypto.spec.SecretKeySpec;
import org.jspecify.annotations.Nullable;

/// Seals lines and texts: by HMAC-SHA-256 and AES-256-GCM with a key, by plain SHA-256 without one. A secret that is
/// never written. Any thread.
public final class AuditKey {
    private static final int SECRET_MIN = 32;
    private static final int NONCE_BYTES = 12;
    private static final int TAG_BITS = 128;
    private static final String HMAC = "HmacSHA256";

    /// Without a key: changes are found, but whoever may write to the folder can make the chain anew.
    public static final AuditKey NONE = new AuditKey(null);

    private final byte @Nullable [] secret; // null without a key
    private final SecureRandom random = new SecureRandom();

    private AuditKey(byte @Nullable [] secret) {
        this.secret = secret;
    }

    /// Reads the key: the file's content, white space around it aside.
    ///
    /// @throws AuditUnusable if it cannot be read or is too short
    public static AuditKey read(Path file) {
        byte[] secret;
        try {
            secret = Files.readString(file).strip().getBytes(StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new AuditUnusable("the audit key " + file + " cannot be read: " + e);
        }
        if (secret.length < SECRET_MIN) {
            throw new AuditUnusable("the audit key " + file + " has " + secret.length + " characters; at least "
                    + SECRET_MIN + " are needed. `openssl rand -hex 32` makes some");
        }
        return new AuditKey(secret);
    }

    public boolean canEncrypt() {
        return secret != null;
    }

    /// The seal of a text, in hexadecimal digits.
    String seal(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        try {
            byte[] sealed = secret == null
                    ? MessageDigest.getInstance("SHA-256").digest(bytes)
                    : mac(secret, "seal").doFinal(bytes);
            return HexFormat.of().formatHex(sealed);
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e); // every Java has them
        }
    }

    /// Base64 of nonce and ciphertext; needs a key.
    String encrypt(String text) {
        byte[] nonce = new byte[NONCE_BYTES];
        random.nextBytes(nonce);
        byte[] sealed = crypt(Cipher.ENCRYPT_MODE, nonce, text.getBytes(StandardCharsets.UTF_8));
        byte[] all = new byte[nonce.length + sealed.length];
        System.arraycopy(nonce, 0, all, 0, nonce.length);
        System.arraycopy(sealed, 0, all, nonce.length, sealed.length);
        return Base64.getEncoder().encodeToString(all);
    }

    /// What `encrypt` made, in the clear.
    ///
    /// @throws AuditUnusable if it was made with another key, or is broken
    public String decrypt(String text) {
        try {
            byte[] all = Base64.getDecoder().decode(text);
            byte[] nonce = Arrays.copyOf(all, NONCE_BYTES);
            byte[] sealed = Arrays.copyOfRange(all, NONCE_BYTES, all.length);
            return new String(crypt(Cipher.DECRYPT_MODE, nonce, sealed), StandardCharsets.UTF_8);
        } catch (IllegalArgumentException e) {
            throw new AuditUnusable("the text is no ciphertext: " + e.getMessage());
        }
    }

    private byte[] crypt(int mode, byte[] nonce, byte[] input) {
        byte[] its = secret;
        if (its == null) throw new AuditUnusable("encrypted texts need the audit key: give --audit-key-file");
        try {
            byte[] key = mac(its, "content").doFinal();
            Cipher cipher = Cipher.getInstance("AES/GCM/NoPadding");
            cipher.init(mode, new SecretKeySpec(key, "AES"), new GCMParameterSpec(TAG_BITS, nonce));
            return cipher.doFinal(input);
        } catch (GeneralSecurityException e) {
            throw new AuditUnusable("the text cannot be decrypted: it was made with another key, or was changed");
        }
    }

    /// A key of its own for each purpose.
    private static Mac mac(byte[] secret, String purpose) throws GeneralSecurityException {
        Mac derive = Mac.getInstance(HMAC);
        derive.init(new SecretKeySpec(secret, HMAC));
        byte[] key = derive.doFinal(("sluice audit " + purpose).getBytes(StandardCharsets.UTF_8));
        Mac mac = Mac.getInstance(HMAC);
        mac.init(new SecretKeySpec(key, HMAC));
        return mac;
    }
}
