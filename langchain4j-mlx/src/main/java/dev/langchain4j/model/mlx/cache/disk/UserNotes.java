package dev.langchain4j.model.mlx.cache.disk;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Predicate;

/** What is kept of users beside their records: their names, and notes of the application. Written by one thread. */
final class UserNotes implements AutoCloseable {
    private static final String NAME = "notes.log";
    private static final byte NAMED = 1;
    private static final byte NOTE = 2;
    private static final int HEAD = 17;

    /** A note as it was found. */
    private record Found(long user, byte[] payload) {}

    private final StoreFolder folder;
    private final Vault vault;
    private final long bytesMax;
    private final Map<Long, byte[]> names = new ConcurrentHashMap<>();
    /** Notes as they were when this was opened, until somebody takes them. */
    private List<Found> found = new ArrayList<>();

    /** Users of whom there are entries. */
    private final Set<Long> noted = new HashSet<>();

    private AppendLog log;

    private UserNotes(StoreFolder folder, Vault vault, long bytesMax) {
        this.folder = folder;
        this.vault = vault;
        this.bytesMax = bytesMax;
    }

    /**
     * Opens the notes; those from before {@code oldestMillis} are dropped.
     *
     * @param vault encrypts them; null if they are in clear
     */
    static UserNotes open(StoreFolder folder, Vault vault, long bytesMax, long oldestMillis) throws IOException {
        UserNotes notes = new UserNotes(folder, vault, bytesMax);
        boolean[] old = new boolean[1];
        notes.log = AppendLog.open(folder, NAME, notes.form(), entry -> old[0] |= !notes.read(entry, oldestMillis));
        if (old[0]) {
            notes.rewrite(entry -> isRecent(entry, oldestMillis));
        }
        return notes;
    }

    private AppendLog.Form form() {
        return vault == null ? AppendLog.Form.CLEAR : vault.form(NAME);
    }

    private static boolean isRecent(ByteBuffer entry, long oldestMillis) {
        return entry.remaining() >= HEAD && (entry.get(0) == NAMED || entry.getLong(9) >= oldestMillis);
    }

    private boolean read(ByteBuffer entry, long oldestMillis) {
        if (!isRecent(entry, oldestMillis)) {
            return false;
        }
        byte[] payload = payload(entry);
        if (entry.get(0) == NAMED) {
            names.put(entry.getLong(1), payload);
            noted.add(entry.getLong(1));
        } else {
            found.add(new Found(entry.getLong(1), payload));
            noted.add(entry.getLong(1));
        }
        return true;
    }

    private static byte[] payload(ByteBuffer entry) {
        byte[] payload = new byte[entry.remaining() - HEAD];
        entry.get(entry.position() + HEAD, payload);
        return payload;
    }

    /** The notes that were there when this was opened and can be read; once. */
    List<byte[]> takeFound() {
        List<byte[]> taken = new ArrayList<>();
        for (Found note : found) {
            SealKey key = key(note.user);
            try {
                if (vault == null) {
                    taken.add(note.payload);
                } else if (key != null) {
                    taken.add(vault.openNote(key, note.user, note.payload));
                }
            } catch (IOException withAnotherKey) {
                // it stays until its user is forgotten, or it is old
            }
        }
        found = new ArrayList<>();
        return taken;
    }

    /** The key of a user as of now; null if there is none. */
    SealKey key(long user) {
        return vault == null ? null : vault.key(user, names.get(user));
    }

    /** The names of users. May be called by any thread. */
    Map<Long, byte[]> names() {
        return names;
    }

    void name(long user, byte[] name) throws IOException {
        append(NAMED, user, 0, name);
        noted.add(user);
    }

    /** Keeps a note; not where the key of its user is missing. */
    void note(long user, long millis, byte[] note) throws IOException {
        SealKey key = key(user);
        if (HEAD + note.length <= bytesMax / 4 && (vault == null || key != null)) {
            append(NOTE, user, millis, vault == null ? note : vault.sealNote(key, user, note));
            noted.add(user);
        }
    }

    private void append(byte type, long user, long millis, byte[] payload) throws IOException {
        ByteBuffer entry = ByteBuffer.allocate(HEAD + payload.length).order(ByteOrder.LITTLE_ENDIAN);
        entry.put(type).putLong(user).putLong(millis).put(payload).flip();
        if (log.size() + entry.remaining() > bytesMax) {
            dropOlderHalf();
        }
        log.append(entry);
    }

    private void dropOlderHalf() throws IOException {
        long[] passed = new long[1];
        long half = log.size() / 2;
        rewrite(entry -> {
            passed[0] += entry.remaining();
            return entry.get(0) == NAMED || passed[0] > half;
        });
    }

    /** Drops all of these users. */
    void forget(Predicate<Long> users) throws IOException {
        if (noted.removeIf(users)) {
            rewrite(entry -> !users.test(entry.getLong(1)));
        }
    }

    /** Drops everything. */
    void clear() throws IOException {
        noted.clear();
        log.clear();
    }

    private void rewrite(Predicate<ByteBuffer> kept) throws IOException {
        List<ByteBuffer> entries = new ArrayList<>();
        AppendLog.open(folder, NAME, form(), entry -> {
                    if (entry.remaining() >= HEAD && kept.test(entry)) {
                        entries.add(entry);
                    }
                })
                .close();
        log.rewrite(entries);
    }

    long size() {
        return log.size();
    }

    @Override
    public void close() throws IOException {
        log.close();
    }
}
