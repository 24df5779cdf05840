package dev.langchain4j.model.mlx.cache.disk;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.InvalidKeyException;
import java.security.SecureRandom;
import java.util.Arrays;
import javax.crypto.Cipher;
import javax.crypto.KDF;
import javax.crypto.Mac;
import javax.crypto.SecretKey;
import javax.crypto.spec.GCMParameterSpec;
import javax.crypto.spec.HKDFParameterSpec;

/**
 * A key that the application gave, and what is derived from it with HKDF: one for AES-GCM, one for keyed hashes, and a
 * number that tells keys apart. What is sealed is a fresh random nonce, the encrypted bytes and their tag. Thread-safe.
 */
final class SealKey {
    /** Bytes that sealing adds. */
    static final int OVERHEAD = 28;

    private static final int NONCE = 12;
    private static final int TAG_BITS = 128;
    private static final int KEY_BYTES = 32;
    private static final int GIVEN_BYTES_MIN = 16;
    private static final SecureRandom RANDOM = new SecureRandom();

    private final long id;
    private final SecretKey aes;
    private final SecretKey hash;

    private SealKey(SecretKey given) throws GeneralSecurityException {
        aes = derive(given, "AES", "aes");
        hash = derive(given, "HmacSHA256", "hash");
        long number =
                ByteBuffer.wrap(derive(given, "Generic", "id").getEncoded()).getLong();
        // 0 is said of what is not encrypted
        id = number == 0 ? 1 : number;
    }

    /** @throws GeneralSecurityException saying why this key is of no use */
    static SealKey of(SecretKey given) throws GeneralSecurityException {
        byte[] bytes = given.getEncoded();
        if (bytes == null || bytes.length < GIVEN_BYTES_MIN) {
            throw new InvalidKeyException("the key must have at least 16 bytes and give them with getEncoded()");
        }
        Arrays.fill(bytes, (byte) 0);
        return new SealKey(given);
    }

    private static SecretKey derive(SecretKey given, String algorithm, String use) throws GeneralSecurityException {
        byte[] info = ("langchain4j-mlx prompt cache " + use).getBytes(StandardCharsets.UTF_8);
        return KDF.getInstance("HKDF-SHA256")
                .deriveKey(
                        algorithm, HKDFParameterSpec.ofExtract().addIKM(given).thenExpand(info, KEY_BYTES));
    }

    /** Tells keys apart, and says nothing else of them. Not 0. */
    long id() {
        return id;
    }

    /** The first eight bytes of a hash that nobody can make without the key. */
    long hash(byte[]... parts) {
        try {
            Mac mac = Mac.getInstance("HmacSHA256");
            mac.init(hash);
            for (byte[] part : parts) {
                mac.update(part);
            }
            return ByteBuffer.wrap(mac.doFinal()).getLong();
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("every JVM has HmacSHA256", e);
        }
    }

    /**
     * Encrypts the bytes from position to limit, which stay unread.
     *
     * @param context must be the same when it is opened
     */
    ByteBuffer seal(ByteBuffer plain, byte[] context) throws IOException {
        byte[] nonce = new byte[NONCE];
        RANDOM.nextBytes(nonce);
        ByteBuffer sealed = ByteBuffer.allocate(plain.remaining() + OVERHEAD).put(nonce);
        try {
            cipher(Cipher.ENCRYPT_MODE, nonce, context).doFinal(plain.duplicate(), sealed);
            return sealed.flip();
        } catch (GeneralSecurityException e) {
            throw new IOException("cannot be encrypted", e);
        }
    }

    /**
     * Decrypts the bytes from position to limit, which stay unread.
     *
     * @param into takes the bytes, from its position on; other memory than what is read
     * @throws IOException if they were sealed with another key or in another context, or changed
     */
    void open(ByteBuffer sealed, byte[] context, ByteBuffer into) throws IOException {
        if (sealed.remaining() < OVERHEAD) {
            throw new IOException("damaged section");
        }
        ByteBuffer in = sealed.duplicate();
        byte[] nonce = new byte[NONCE];
        in.get(nonce);
        try {
            cipher(Cipher.DECRYPT_MODE, nonce, context).doFinal(in, into);
        } catch (GeneralSecurityException e) {
            throw new IOException("cannot be decrypted", e);
        }
    }

    private Cipher cipher(int mode, byte[] nonce, byte[] context) throws GeneralSecurityException {
        Cipher cipher = Cipher.getInstance("AES/GCM/NoPadding");
        cipher.init(mode, aes, new GCMParameterSpec(TAG_BITS, nonce));
        cipher.updateAAD(context);
        return cipher;
    }
}
