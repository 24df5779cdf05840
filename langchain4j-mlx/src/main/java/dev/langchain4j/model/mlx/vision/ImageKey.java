package dev.langchain4j.model.mlx.vision;

import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * What tells a picture from all others: a digest of the numbers that a tower reads of it. Caches of prompts compare the
 * tokens of a picture by ids that are made of the digest, 31 bits a token, and are negative: so they are the same in
 * each process and on disk, nobody keeps a list of them, and behind nine tokens the whole digest was compared.
 * Immutable.
 */
public final class ImageKey {
    private static final int BITS = 31;
    /** Tokens that have the whole digest. */
    private static final int WHOLE = 9;

    private static final int SHORT_KEYS_MAX = 1 << 16;
    private static final int BLOCK_NUMBERS = 1 << 14;

    /** The pictures of few tokens that this process has met, by their ids: two of them must not have the same. */
    private static final Map<List<Integer>, ImageKey> SHORT_KEYS = new LinkedHashMap<>(16, 0.75f, true) {
        @Override
        protected boolean removeEldestEntry(Map.Entry<List<Integer>, ImageKey> eldest) {
            return size() > SHORT_KEYS_MAX;
        }
    };

    private final byte[] digest;

    /** @param digest 32 bytes; not to be changed */
    ImageKey(byte[] digest) {
        this.digest = digest;
    }

    /** The key of what a tower reads. */
    public static ImageKey of(ProcessedImage image) {
        MessageDigest sha = sha256();
        String form = image.settings() + " " + Arrays.toString(image.shape()) + " " + Arrays.toString(image.grid())
                + " " + image.height() + " " + image.width() + " " + image.tokens();
        sha.update(form.getBytes(StandardCharsets.UTF_8));
        ByteBuffer block = ByteBuffer.allocate(BLOCK_NUMBERS * Float.BYTES);
        FloatBuffer numbers = block.asFloatBuffer();
        float[] pixels = image.pixels();
        for (int i = 0; i < pixels.length; i += BLOCK_NUMBERS) {
            int count = Math.min(BLOCK_NUMBERS, pixels.length - i);
            numbers.put(0, pixels, i, count);
            sha.update(block.array(), 0, count * Float.BYTES);
        }
        return new ImageKey(sha.digest());
    }

    /**
     * The ids that stand for the tokens of the picture where prompts are compared.
     *
     * @param count number of tokens
     */
    public int[] ids(int count) {
        int[] ids = ids(digest, count);
        if (count >= WHOLE) {
            return ids;
        }
        synchronized (SHORT_KEYS) {
            byte[] salted = digest;
            while (!equals(SHORT_KEYS.computeIfAbsent(IntStream.of(ids).boxed().toList(), key -> this))) {
                salted = sha256().digest(salted);
                ids = ids(salted, count);
            }
        }
        return ids;
    }

    private static int[] ids(byte[] digest, int count) {
        int[] ids = new int[count];
        byte[] bytes = digest;
        int block = 0;
        long bits = 0;
        int held = 0;
        int next = 0;
        for (int i = 0; i < count; i++) {
            while (held < BITS) {
                if (next == bytes.length) {
                    MessageDigest sha = sha256();
                    sha.update(digest);
                    bytes = sha.digest(
                            ByteBuffer.allocate(Integer.BYTES).putInt(++block).array());
                    next = 0;
                }
                bits = bits << Byte.SIZE | bytes[next++] & 0xff;
                held += Byte.SIZE;
            }
            held -= BITS;
            int id = (int) (bits >>> held) | Integer.MIN_VALUE;
            // -1 means that there is no token
            ids[i] = id == -1 ? -2 : id;
            bits &= (1L << held) - 1;
        }
        return ids;
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JVM has SHA-256", e);
        }
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof ImageKey that && Arrays.equals(digest, that.digest);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(digest);
    }
}
