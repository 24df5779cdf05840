package dev.langchain4j.model.mlx.cache;

import dev.langchain4j.model.mlx.cache.disk.Destination.Piece;
import dev.langchain4j.model.mlx.cache.disk.Section;
import dev.langchain4j.model.mlx.kv.ArrayForm;
import dev.langchain4j.model.mlx.kv.LayerCache;
import dev.langchain4j.model.mlx.kv.Snapshot;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Supplier;

/** A layer whose content is the token ids that it was fed, so that anything restored wrongly shows. */
final class FakeLayer implements LayerCache {

    /** Counts what is open, and fails on demand. */
    static final class Ledger {
        int open;
        long bytes;
        /** Tokens by which the buffers of sliceable layers grow; 1 for layers that take no more than they hold. */
        int capacityStep = 1;
        /** Copies until one fails; negative: never. */
        int copiesUntilFailure = -1;

        Supplier<Throwable> failure = () -> new IllegalStateException("out of memory");

        private void opened(long n) {
            open++;
            bytes += n;
        }

        private void copying() {
            if (copiesUntilFailure >= 0 && copiesUntilFailure-- == 0) {
                throw FakeLayer.<RuntimeException>unchecked(failure.get());
            }
        }
    }

    @SuppressWarnings("unchecked")
    private static <T extends Throwable> T unchecked(Throwable e) throws T {
        throw (T) e;
    }

    /** What a layer keeps of a token: all of them, the last few, or a digest of all. */
    enum Kind {
        SLICEABLE,
        WINDOW,
        RECURRENT
    }

    static final int WINDOW = 8;
    static final int BUFFERS = 2;

    private final Kind kind;
    private final Ledger ledger;
    private final int unitBytes;
    private int[] tokens = new int[16];
    private int offset;
    private int capacity;
    private int reserved;
    private long digest;
    /** Tokens that were asked for and do not count yet; null if there are none. */
    private ByteBuffer filling;

    private boolean closed;
    private long counted;

    private FakeLayer(Kind kind, int unitBytes, Ledger ledger) {
        this.kind = kind;
        this.unitBytes = unitBytes;
        this.ledger = ledger;
        ledger.opened(0);
    }

    /**
     * Layers of these kinds; a token takes a byte in a sliceable or window layer, a recurrent state takes its bytes.
     */
    static Supplier<List<LayerCache>> layers(Ledger ledger, int stateBytes, Kind... kinds) {
        return () -> {
            List<LayerCache> layers = new ArrayList<>();
            for (Kind kind : kinds) {
                layers.add(new FakeLayer(kind, kind == Kind.RECURRENT ? stateBytes : 1, ledger));
            }
            return layers;
        };
    }

    static long digest(int[] tokens, int to) {
        long digest = 0;
        for (int i = 0; i < to; i++) {
            digest = digest * 31 + tokens[i] + 1;
        }
        return digest;
    }

    void feed(int token) {
        requireOpen();
        require(filling == null, "feed", offset, offset + 1);
        if (kind == Kind.RECURRENT) {
            digest = digest * 31 + token + 1;
        } else {
            if (offset == tokens.length) {
                tokens = Arrays.copyOf(tokens, 2 * offset);
            }
            tokens[offset] = token;
        }
        offset++;
        grow();
    }

    /** Whether the content is what feeding {@code expected[0, offset)} from scratch would give. */
    boolean holds(int[] expected) {
        requireOpen();
        return switch (kind) {
            case SLICEABLE -> Arrays.equals(tokens, 0, offset, expected, 0, offset);
            case WINDOW -> {
                int from = Math.max(0, offset - WINDOW);
                yield Arrays.equals(tokens, from, offset, expected, from, offset);
            }
            case RECURRENT -> digest == digest(expected, offset);
        };
    }

    @Override
    public int offset() {
        return offset;
    }

    @Override
    public long bytes() {
        requireOpen();
        long now =
                switch (kind) {
                    case SLICEABLE -> (long) (ledger.capacityStep == 1 ? offset : capacity) * unitBytes;
                    case WINDOW -> (long) Math.min(offset, WINDOW) * unitBytes;
                    case RECURRENT -> offset == 0 ? 0 : unitBytes;
                };
        ledger.bytes += now - counted;
        counted = now;
        return now;
    }

    @Override
    public long bytesFor(int wanted) {
        return switch (kind) {
            case SLICEABLE -> (long) Math.ceilDiv(wanted, ledger.capacityStep) * ledger.capacityStep * unitBytes;
            case WINDOW -> (long) Math.min(wanted, WINDOW) * unitBytes;
            case RECURRENT -> wanted == 0 ? 0 : unitBytes;
        };
    }

    @Override
    public int bufferCount() {
        return offset == 0 ? 0 : BUFFERS;
    }

    @Override
    public boolean sliceable() {
        return kind == Kind.SLICEABLE;
    }

    @Override
    public Snapshot slice(int start, int end) {
        requireOpen();
        require(sliceable() && filling == null && start >= 0 && start < end && end <= offset, "slice", start, end);
        return new FakeSnapshot(
                start, end, Arrays.copyOfRange(tokens, start, end), 0, (long) (end - start) * unitBytes);
    }

    @Override
    public Snapshot state() {
        requireOpen();
        require(!sliceable(), "state", 0, offset);
        int from = Math.max(0, offset - WINDOW);
        int[] kept = kind == Kind.WINDOW ? Arrays.copyOfRange(tokens, from, offset) : new int[0];
        return new FakeSnapshot(0, offset, kept, digest, bytes());
    }

    @Override
    public void restore(Snapshot snapshot) {
        requireOpen();
        require(filling == null, "restore", snapshot.start(), snapshot.end());
        FakeSnapshot from = (FakeSnapshot) snapshot;
        from.requireOpen();
        ledger.copying();
        require(from.digestOnly() != sliceable(), "restore", from.start, from.end);
        require(!sliceable() || from.start == offset, "restore", from.start, from.end);
        if (kind != Kind.RECURRENT) {
            tokens = Arrays.copyOf(tokens, Math.max(16, Math.max(tokens.length, from.end)));
            System.arraycopy(from.tokens, 0, tokens, from.end - from.tokens.length, from.tokens.length);
        }
        offset = from.end;
        grow();
        digest = from.digest;
        bytes();
    }

    @Override
    public List<List<ByteBuffer>> memory(int end, int positions, List<ArrayForm> arrays) {
        requireOpen();
        ledger.copying();
        if (!sliceable()) {
            return null;
        }
        require(end > offset, "memory", offset, end);
        tokens = Arrays.copyOf(tokens, Math.max(tokens.length, end));
        filling = ByteBuffer.allocateDirect(Integer.BYTES * (end - offset));
        return List.of(List.of(filling));
    }

    @Override
    public void filled(int end) {
        for (ByteBuffer ids = filling.clear(); ids.hasRemaining(); offset++) {
            tokens[offset] = ids.getInt();
        }
        filling = null;
        require(offset == end, "filled", offset, end);
        grow();
        bytes();
    }

    private void grow() {
        if (offset > capacity) {
            int step = ledger.capacityStep;
            capacity = Math.ceilDiv(Math.max(offset, reserved), step) * step;
        }
    }

    @Override
    public void reserve(int wanted) {
        reserved = wanted;
    }

    @Override
    public void trimTo(int to) {
        requireOpen();
        require(to >= 0 && to <= offset && (sliceable() || to == offset), "trim", to, offset);
        filling = null;
        offset = to;
    }

    @Override
    public void reset() {
        requireOpen();
        offset = 0;
        digest = 0;
        bytes();
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            ledger.open--;
            ledger.bytes -= counted;
        }
    }

    private void requireOpen() {
        if (closed) {
            throw new AssertionError("used after close");
        }
    }

    private static void require(boolean condition, String what, int start, int end) {
        if (!condition) {
            throw new AssertionError("%s [%d, %d) does not fit".formatted(what, start, end));
        }
    }

    /** The bytes of snapshots: their tokens, or their digest. */
    static SnapshotCodec codec() {
        return codec(4);
    }

    /** The bytes of snapshots, where a token takes so many, at least 4. */
    static SnapshotCodec codec(int tokenBytes) {
        return new SnapshotCodec() {
            @Override
            public void encode(int layer, Snapshot snapshot, List<Section> sections) {
                FakeSnapshot fake = (FakeSnapshot) snapshot;
                fake.requireOpen();
                ByteBuffer bytes = ByteBuffer.allocate(8 + tokenBytes * fake.tokens.length);
                bytes.putLong(fake.digest);
                for (int token : fake.tokens) {
                    bytes.putInt(token);
                }
                sections.add(new Section(layer, 0, 7, new int[] {fake.tokens.length}, bytes.clear()));
            }

            @Override
            public Snapshot decode(LayerCache layer, int start, int end, List<Section> sections) {
                ByteBuffer bytes = sections.getFirst().bytes();
                long digest = bytes.getLong();
                int[] tokens = new int[sections.getFirst().shape()[0]];
                Arrays.setAll(tokens, i -> bytes.getInt());
                FakeLayer fake = (FakeLayer) layer;
                long size = fake.kind == Kind.RECURRENT ? fake.unitBytes : (long) tokens.length * fake.unitBytes;
                return fake.new FakeSnapshot(start, end, tokens, digest, size);
            }

            @Override
            public List<List<Piece>> place(LayerCache layer, int start, int end, int to, List<Section> sections) {
                int from = layer.offset();
                List<List<ByteBuffer>> memory = layer.memory(to, end - start, List.of());
                return memory == null
                        ? null
                        : List.of(List.of(
                                new Piece(8 + 4 * (from - start), null),
                                new Piece(4 * (to - from), memory.getFirst().getFirst()),
                                new Piece(4 * (end - to) + (tokenBytes - 4) * (end - start), null)));
            }
        };
    }

    private final class FakeSnapshot implements Snapshot {
        private final int start;
        private final int end;
        private final int[] tokens;
        private final long digest;
        private final long bytes;
        private boolean snapshotClosed;

        FakeSnapshot(int start, int end, int[] tokens, long digest, long bytes) {
            ledger.copying();
            this.start = start;
            this.end = end;
            this.tokens = tokens;
            this.digest = digest;
            this.bytes = bytes;
            ledger.opened(bytes);
        }

        boolean digestOnly() {
            return kind != Kind.SLICEABLE;
        }

        void requireOpen() {
            if (snapshotClosed) {
                throw new AssertionError("snapshot used after close");
            }
        }

        @Override
        public int start() {
            return start;
        }

        @Override
        public int end() {
            return end;
        }

        @Override
        public long bytes() {
            return bytes;
        }

        @Override
        public int bufferCount() {
            return BUFFERS;
        }

        @Override
        public Snapshot slice(int from, int to) {
            requireOpen();
            require(!digestOnly() && from >= start && from < to && to <= end, "slice of a slice", from, to);
            int[] part = Arrays.copyOfRange(tokens, from - start, to - start);
            return new FakeSnapshot(from, to, part, 0, (long) (to - from) * unitBytes);
        }

        @Override
        public void close() {
            if (snapshotClosed) {
                throw new AssertionError("a snapshot has one owner, who closes it once");
            }
            snapshotClosed = true;
            ledger.open--;
            ledger.bytes -= bytes;
        }
    }
}
