package dev.langchain4j.model.mlx.cache.disk;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Function;
import java.util.function.LongSupplier;
import javax.crypto.SecretKey;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Encrypts what a store writes. A record is encrypted with the key of its owner, each section and its tokens by
 * themselves and bound to their place, so that none can stand for another. The common key, of what belongs to nobody,
 * encrypts the logs as well. Keys are asked for again after a second. Thread-safe.
 */
final class Vault {
    private static final Logger log = LoggerFactory.getLogger(Vault.class);
    private static final long ASKED_EVERY_NANOS = 1_000_000_000L;
    private static final int ASKED_MAX = 10_000;
    /** How many numbers the overhead of sealed tokens takes. */
    private static final int OVERHEAD_TOKENS = SealKey.OVERHEAD / Integer.BYTES;

    private record Asked(SealKey key, long nanos) {}

    private final Function<byte[], SecretKey> keys;
    private final byte[] identity;
    private final DiskCounts counts;
    private final LongSupplier nanos;
    private final Map<Long, Asked> asked = new ConcurrentHashMap<>();
    private final AtomicBoolean warned = new AtomicBoolean();
    private final SealKey common;

    /**
     * Asks for the common key.
     *
     * @param keys gives the key of a name, null for the common one
     * @throws IOException if there is none
     */
    Vault(Function<byte[], SecretKey> keys, String identity, DiskCounts counts, LongSupplier nanos) throws IOException {
        this.keys = keys;
        this.identity = identity.getBytes(StandardCharsets.UTF_8);
        this.counts = counts;
        this.nanos = nanos;
        this.common = key(0, null);
        if (common == null) {
            throw new IOException("the keys must have one for what belongs to no memory ID (null)");
        }
    }

    /** What follows the identity in the name of the folder, so that each common key has a folder. */
    String suffix() {
        return "-%016x".formatted(common.id());
    }

    /** A number for a name, which says nothing without the common key. */
    long hash(String kind, byte[] name) {
        return common.hash(kind.getBytes(StandardCharsets.UTF_8), name);
    }

    /** A number for a name, where nothing is encrypted. */
    static long plainHash(String kind, byte[] name) {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            digest.update(kind.getBytes(StandardCharsets.UTF_8));
            return ByteBuffer.wrap(digest.digest(name)).getLong();
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JVM has SHA-256", e);
        }
    }

    /**
     * The key of an owner as of now, a second ago at most.
     *
     * @param name of the owner; null for owner 0, or if it is not known
     * @return null if there is none
     */
    SealKey key(long owner, byte[] name) {
        if (owner != 0 && name == null) {
            return null;
        }
        long now = nanos.getAsLong();
        Asked last = asked.get(owner);
        if (last == null || now - last.nanos > ASKED_EVERY_NANOS) {
            last = new Asked(ask(name), now);
            if (asked.size() > ASKED_MAX) {
                asked.clear();
            }
            asked.put(owner, last);
        }
        return last.key;
    }

    private SealKey ask(byte[] name) {
        try {
            SecretKey given = keys.apply(name);
            return given == null ? null : SealKey.of(given);
        } catch (Exception e) {
            counts.miss("no key");
            if (!warned.getAndSet(true)) {
                log.warn("The key function of the prompt cache on disk failed", e);
            }
            return null;
        }
    }

    // ---- records -------------------------------------------------------------------------------------------------

    List<Section> seal(SealKey key, DiskRecord record, List<Section> sections) throws IOException {
        List<Section> sealed = new ArrayList<>();
        for (Section section : sections) {
            sealed.add(section.with(key.seal(section.bytes(), context(record, sealed.size(), section))));
        }
        return sealed;
    }

    /**
     * Decrypts a section.
     *
     * @param index its place among the sections of the record
     * @param into takes the bytes, from its position on
     */
    void open(SealKey key, DiskRecord record, int index, Section sealed, ByteBuffer into) throws IOException {
        key.open(sealed.bytes(), context(record, index, sealed), into);
    }

    /** The tokens of an edge, encrypted, as numbers; a state has none. */
    int[] sealTokens(SealKey key, DiskRecord record) throws IOException {
        if (record.state) {
            return new int[0];
        }
        ByteBuffer plain = ByteBuffer.allocate(Integer.BYTES * record.tokens.length);
        plain.asIntBuffer().put(record.tokens);
        int[] sealed = new int[record.tokens.length + OVERHEAD_TOKENS];
        key.seal(plain, context(record, -1, null)).asIntBuffer().get(sealed);
        return sealed;
    }

    int[] openTokens(SealKey key, DiskRecord record, int[] sealed) throws IOException {
        if (record.state) {
            return sealed;
        }
        ByteBuffer in = ByteBuffer.allocate(Integer.BYTES * sealed.length);
        in.asIntBuffer().put(sealed);
        ByteBuffer plain = ByteBuffer.allocate(in.capacity() - SealKey.OVERHEAD);
        key.open(in, context(record, -1, null), plain);
        int[] tokens = new int[sealed.length - OVERHEAD_TOKENS];
        plain.flip().asIntBuffer().get(tokens);
        return tokens;
    }

    /** How many numbers stand in the header of a record for its tokens. */
    static int storedTokens(DiskRecord record) {
        return record.end - record.start + (record.isSealed() && !record.state ? OVERHEAD_TOKENS : 0);
    }

    private byte[] context(DiskRecord record, int index, Section section) {
        int rank = section == null ? 0 : section.shape().length;
        ByteBuffer context = ByteBuffer.allocate(identity.length + 64 + Integer.BYTES * rank)
                .order(ByteOrder.LITTLE_ENDIAN)
                .put(identity)
                .putLong(record.id)
                .putLong(record.parent.id)
                .putLong(record.scope)
                .putInt(record.start)
                .putInt(record.end)
                .putInt(record.state ? 1 : 0)
                .putInt(index);
        if (section != null) {
            context.putInt(section.layer()).putInt(section.slot()).putInt(section.type());
            for (int dimension : section.shape()) {
                context.putInt(dimension);
            }
        }
        return context.array();
    }

    // ---- logs ----------------------------------------------------------------------------------------------------

    /** Encrypts the entries of a log with the common key. */
    AppendLog.Form form(String name) {
        byte[] context = (new String(identity, StandardCharsets.UTF_8) + name).getBytes(StandardCharsets.UTF_8);
        return new AppendLog.Form() {
            @Override
            public ByteBuffer write(ByteBuffer entry) throws IOException {
                return common.seal(entry, context);
            }

            @Override
            public ByteBuffer read(ByteBuffer stored) throws IOException {
                return opened(common, stored, context);
            }
        };
    }

    byte[] sealNote(SealKey key, long user, byte[] note) throws IOException {
        return key.seal(ByteBuffer.wrap(note), noteContext(user)).array();
    }

    byte[] openNote(SealKey key, long user, byte[] sealed) throws IOException {
        return opened(key, ByteBuffer.wrap(sealed), noteContext(user)).array();
    }

    private static ByteBuffer opened(SealKey key, ByteBuffer sealed, byte[] context) throws IOException {
        ByteBuffer plain = ByteBuffer.allocate(Math.max(0, sealed.remaining() - SealKey.OVERHEAD));
        key.open(sealed, context, plain);
        return plain.flip();
    }

    private byte[] noteContext(long user) {
        return ByteBuffer.allocate(identity.length + Long.BYTES)
                .put(identity)
                .putLong(user)
                .array();
    }
}
