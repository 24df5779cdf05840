package dev.langchain4j.mlx;

import dev.langchain4j.mlx.ffi.MlxC;
import dev.langchain4j.mlx.ffi.SystemC;
import java.util.Map;

/**
 * The processes that compute one model together, over a backend of MLX's own. What they exchange is lazy like any other
 * operation: all ranks must ask for the same exchanges in the same order, and start to compute them in that order.
 *
 * <p>MLX makes one group for a process and a backend, keeps it until the process ends, and has no way to mend it. An
 * exchange with a rank that is gone fails or waits for ever.
 */
public final class RankGroup implements AutoCloseable {
    private final OwnerThread thread;
    private final int rank;
    private final int size;
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

    /** The number of this process in the group, from 0. */
    public int rank() {
        return rank;
    }

    /** How many processes there are. */
    public int size() {
        return size;
    }

    /** The sum over all ranks, of arrays of one shape and type. */
    public MlxArray allSum(MlxArray x) {
        return thread.result(
                MlxC.mlx_distributed_all_sum(thread.out(), thread.use(x), handle, thread.cpuStream), "all_sum", x);
    }

    /** The arrays of all ranks one behind the other along the first dimension, of arrays of one shape and type. */
    public MlxArray allGather(MlxArray x) {
        return thread.result(
                MlxC.mlx_distributed_all_gather(thread.out(), thread.use(x), handle, thread.cpuStream),
                "all_gather",
                x);
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
