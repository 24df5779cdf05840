package dev.langchain4j.model.mlx.ranks;

import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.RankGroup;
import dev.langchain4j.mlx.Scope;
import dev.langchain4j.model.mlx.kv.LayerCache;
import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * The arrays that the ranks have of one snapshot, on their way from one rank to another: first a table of their forms,
 * then their bytes one behind the other, both as sums to which each rank adds what it gives.
 */
final class Shares {
    private static final int SLOTS = LayerCache.ARRAYS_MAX;
    private static final int DIMENSIONS_MAX = 6;
    /** A type from 1 on, 0 for no array; how many dimensions; their lengths. */
    private static final int FORM_INTS = 2 + DIMENSIONS_MAX;

    private static final DType[] TYPES = DType.values();

    private final int[] table;
    private final byte[] bytes;

    private Shares(int[] table, byte[] bytes) {
        this.table = table;
        this.bytes = bytes;
    }

    /**
     * Exchanges arrays; all ranks take part at the same time.
     *
     * @param given by rank and slot what this rank gives, null for nothing; each array is given by one rank only
     */
    static Shares exchange(RankGroup group, MlxArray[][] given) {
        int[] forms = new int[group.size() * SLOTS * FORM_INTS];
        for (int rank = 0; rank < given.length; rank++) {
            for (int slot = 0; slot < given[rank].length; slot++) {
                if (given[rank][slot] != null) {
                    write(given[rank][slot], forms, at(rank, slot));
                }
            }
        }
        try (Scope scope = Scope.open()) {
            Shares all =
                    new Shares(group.allSum(MlxArray.of(forms, forms.length)).toInts(), null);
            int total = all.bytesBefore(group.size(), 0);
            ByteBuffer bytes = ByteBuffer.allocate(total);
            if (total > 0) {
                for (int rank = 0; rank < given.length; rank++) {
                    for (int slot = 0; slot < given[rank].length; slot++) {
                        if (given[rank][slot] != null) {
                            given[rank][slot].copyTo(bytes.position(all.bytesBefore(rank, slot)));
                        }
                    }
                }
                group.allSum(MlxArray.of(bytes.clear(), DType.UINT8, total)).copyTo(bytes.clear());
            }
            return new Shares(all.table, bytes.array());
        }
    }

    /** Whether all ranks say yes; all of them ask at the same time. */
    static boolean agree(RankGroup group, boolean yes) {
        try (Scope scope = Scope.open()) {
            return group.allSum(MlxArray.of(new int[] {yes ? 1 : 0}, 1)).item() == group.size();
        }
    }

    private static int at(int rank, int slot) {
        return (rank * SLOTS + slot) * FORM_INTS;
    }

    private static void write(MlxArray array, int[] table, int at) {
        int[] shape = array.shape();
        if (shape.length > DIMENSIONS_MAX) {
            throw new IllegalStateException(
                    "dimensions (%d) must be at most %d".formatted(shape.length, DIMENSIONS_MAX));
        }
        table[at] = 1 + array.dtype().ordinal();
        table[at + 1] = shape.length;
        System.arraycopy(shape, 0, table, at + 2, shape.length);
    }

    private int[] shape(int at) {
        return Arrays.copyOfRange(table, at + 2, at + 2 + table[at + 1]);
    }

    private int bytesAt(int at) {
        long size = table[at] == 0 ? 0 : TYPES[table[at] - 1].bytes();
        for (int i = 0; i < table[at + 1]; i++) {
            size = Math.multiplyExact(size, table[at + 2 + i]);
        }
        return Math.toIntExact(size);
    }

    private int bytesBefore(int rank, int slot) {
        int sum = 0;
        for (int at = 0; at < at(rank, slot); at += FORM_INTS) {
            sum = Math.addExact(sum, bytesAt(at));
        }
        return sum;
    }

    /** The arrays of a rank, null where there is none: temporaries of the current scope. */
    MlxArray[] of(int rank) {
        MlxArray[] arrays = new MlxArray[SLOTS];
        for (int slot = 0; slot < SLOTS; slot++) {
            int at = at(rank, slot);
            if (table[at] != 0) {
                ByteBuffer own = ByteBuffer.wrap(bytes, bytesBefore(rank, slot), bytesAt(at));
                arrays[slot] = MlxArray.of(own, TYPES[table[at] - 1], shape(at));
            }
        }
        return arrays;
    }
}
