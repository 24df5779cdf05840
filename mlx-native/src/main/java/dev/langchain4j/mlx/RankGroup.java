package dev.langchain4j.mlx;

import dev.langchain4j.mlx.ffi.GroupsC;
import dev.langchain4j.mlx.ffi.MlxC;
import dev.langchain4j.mlx.ffi.SystemC;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;

/**
 * The processes that compute one model together, over a backend of MLX's own. What they exchange is lazy like any other
 * operation: all ranks must ask for the same exchanges in the same order, and start to compute them in that order.
 *
 * <p>MLX makes one group for a process and a backend, keeps it, and has no way to mend it: an exchange with a rank that
 * is gone fails or waits for ever. {@link #forget} lets it make another one.
 */
public final class RankGroup implements AutoCloseable {
    private final OwnerThread thread;
    private final int rank;
    private final int size;
    private final LongAdder exchanged = new LongAdder();
    private long handle;

    private RankGroup(OwnerThread thread, long handle) {
        this.thread = thread;
        this.handle = handle;
        this.rank = MlxC.mlx_distributed_group_rank(handle);
        this.size = MlxC.mlx_distributed_group_size(handle);
    }

    /**
     * Joins the group, on an {@link MlxThread}. Waits until the neighbours are there.
     *
     * @param backend MLX's name of it: {@code ring} or {@code jaccl}
     * @param environment the environment variables that it reads its settings from; of no use for a group that was
     *     joined before in this process
     * @throws MlxException if there is no such backend here, its settings are wrong, or a neighbour does not come
     */
    public static RankGroup join(String backend, Map<String, String> environment) {
        OwnerThread t = OwnerThread.current();
        environment.forEach(SystemC::setenv);
        t.check(MlxC.mlx_distributed_init(t.out(), true, OwnerThread.constant(backend)), "distributed_init");
        return new RankGroup(t, t.outLong());
    }

    /** Whether the loaded MLX can {@link #forget} groups. */
    public static boolean canForget() {
        return GroupsC.exist();
    }

    /**
     * Lets MLX forget the groups of this process, so that {@link #join} makes a new one. A group whose exchanges wait
     * for ever must not be closed: MLX would free what they use.
     */
    public static void forget() {
        GroupsC.clear();
    }

    /** The number of this process in the group, from 0. */
    public int rank() {
        return rank;
    }

    /** How many processes there are. */
    public int size() {
        return size;
    }

    /** Bytes of the arrays that this process has put into exchanges. May be called from any thread. */
    public long exchangedBytes() {
        return exchanged.sum();
    }

    /** The sum over all ranks, of arrays of one shape and type. */
    public MlxArray allSum(MlxArray x) {
        exchanged.add(x.bytes());
        return thread.result(
                MlxC.mlx_distributed_all_sum(thread.out(), thread.use(x), handle, thread.cpuStream), "all_sum", x);
    }

    /** The arrays of all ranks one behind the other along the first dimension, of arrays of one shape and type. */
    public MlxArray allGather(MlxArray x) {
        exchanged.add(x.bytes());
        return thread.result(
                MlxC.mlx_distributed_all_gather(thread.out(), thread.use(x), handle, thread.cpuStream),
                "all_gather",
                x);
    }

    /** Sends an array to a neighbour, and is that array; nothing is sent before it is computed. */
    public MlxArray send(MlxArray x, int to) {
        exchanged.add(x.bytes());
        return thread.result(
                MlxC.mlx_distributed_send(thread.out(), thread.use(x), to, handle, thread.cpuStream), "send", x);
    }

    /** Receives an array of this type and shape from a neighbour. */
    public MlxArray receive(int from, DType type, int... shape) {
        return thread.result(
                MlxC.mlx_distributed_recv(
                        thread.out(), thread.ints(0, shape), shape.length, type.id(), from, handle, thread.cpuStream),
                "recv",
                null);
    }

    /** Frees the handle; the group itself stays, for {@link #join} to give it again. Idempotent. */
    @Override
    public void close() {
        if (handle != 0) {
            MlxC.mlx_distributed_group_free(handle);
            handle = 0;
        }
    }
}
