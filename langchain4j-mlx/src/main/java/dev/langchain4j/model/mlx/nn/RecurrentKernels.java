package dev.langchain4j.model.mlx.nn;

import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.MetalKernel;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.mlx.Random;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/**
 * The recurrences of {@link GatedDelta} and {@link StateSpace} as kernels for Metal, written from the formulas there.
 * Each SIMD group has one row of a matrix in its registers, a lane every 32nd element, from the first position to the
 * last.
 */
final class RecurrentKernels {
    private static final int LANES = 32;

    static final MetalKernel DELTA = new MetalKernel(
            "langchain4j_mlx_gated_delta",
            List.of("q", "k", "v", "decay", "beta", "state"),
            List.of("output", "last"),
            """
            constexpr int PER_LANE = KEY_DIM / 32;
            const int length = k_shape[1];
            const uint lane = thread_index_in_simdgroup;
            const uint row = thread_position_in_grid.y;
            const uint head = thread_position_in_grid.z % VALUE_HEADS;
            const uint batch = thread_position_in_grid.z / VALUE_HEADS;
            const uint key_head = head / (VALUE_HEADS / KEY_HEADS);
            const size_t place = ((size_t)thread_position_in_grid.z * VALUE_DIM + row) * KEY_DIM + lane;

            float m[PER_LANE];
            for (int i = 0; i < PER_LANE; ++i) {
                m[i] = state[place + 32 * i];
            }
            for (int t = 0; t < length; ++t) {
                const size_t token = (size_t)batch * length + t;
                const size_t at = token * VALUE_HEADS + head;
                const size_t key_at = (token * KEY_HEADS + key_head) * KEY_DIM + lane;
                const float whole = BY_DIMENSION ? 0.0f : exp((float)decay[at]);
                float recalled = 0.0f;
                for (int i = 0; i < PER_LANE; ++i) {
                    m[i] *= BY_DIMENSION ? exp((float)decay[at * KEY_DIM + lane + 32 * i]) : whole;
                    recalled += m[i] * (float)k[key_at + 32 * i];
                }
                recalled = simd_sum(recalled);
                const float change = ((float)v[at * VALUE_DIM + row] - recalled) * (float)beta[at];
                float read = 0.0f;
                for (int i = 0; i < PER_LANE; ++i) {
                    m[i] += change * (float)k[key_at + 32 * i];
                    read += m[i] * (float)q[key_at + 32 * i];
                }
                read = simd_sum(read);
                if (lane == 0) {
                    output[at * VALUE_DIM + row] = (T)read;
                }
            }
            for (int i = 0; i < PER_LANE; ++i) {
                last[place + 32 * i] = m[i];
            }
            """);

    static final MetalKernel SPACE = new MetalKernel(
            "langchain4j_mlx_state_space",
            List.of("x", "b", "c", "steps", "rate", "skip", "state"),
            List.of("output", "last"),
            """
            constexpr int PER_LANE = STATE / 32;
            const uint lane = thread_index_in_simdgroup;
            const uint row = thread_position_in_grid.y;
            const uint head = thread_position_in_grid.z % HEADS;
            const uint batch = thread_position_in_grid.z / HEADS;
            const size_t group = (size_t)batch * GROUPS + head / (HEADS / GROUPS);
            const size_t pair = group * STATE + lane;
            const size_t place = ((size_t)thread_position_in_grid.z * HEAD_DIM + row) * STATE + lane;
            const float dt = steps[thread_position_in_grid.z];
            const float kept = exp(dt * rate[head]);
            const float in = (float)x[(size_t)thread_position_in_grid.z * HEAD_DIM + row];
            float read = 0.0f;
            for (int i = 0; i < PER_LANE; ++i) {
                const float s = kept * state[place + 32 * i] + dt * in * (float)b[pair + 32 * i];
                last[place + 32 * i] = s;
                read += s * (float)c[pair + 32 * i];
            }
            read = simd_sum(read);
            if (lane == 0) {
                output[(size_t)thread_position_in_grid.z * HEAD_DIM + row] = (T)(read + in * (float)skip[head]);
            }
            """);

    static final CheckedKernel GATED_DELTA = gatedDelta(DELTA.name(), RecurrentKernels::deltaInput);

    static final CheckedKernel GATED_DELTA_BY_DIMENSION =
            gatedDelta(DELTA.name() + " by dimension", RecurrentKernels::deltaInputByDimension);

    static final CheckedKernel STATE_SPACE = new CheckedKernel(
            SPACE.name(),
            MetalKernel::isSupported,
            RecurrentKernels::spaceInput,
            in -> stateSpace(in[0], in[1], in[2], in[3], in[4], in[5], in[6]),
            in -> StateSpace.composedStep(in[0], in[1], in[2], in[3], in[4], in[5], in[6]));

    private RecurrentKernels() {}

    /** Checked over several positions, with heads that share keys. */
    private static CheckedKernel gatedDelta(String name, Supplier<MlxArray[]> input) {
        return new CheckedKernel(
                name,
                MetalKernel::isSupported,
                input,
                in -> gatedDelta(in[0], in[1], in[2], in[3], in[4], in[5]),
                in -> {
                    GatedDelta.Result r = GatedDelta.composed(in[0], in[1], in[2], in[3], in[4], in[5], 5, false);
                    return new MlxArray[] {r.output(), r.matrix()};
                });
    }

    /** Whether rows of so many elements can be shared by the lanes of a group. */
    static boolean fits(int elements) {
        return elements % LANES == 0;
    }

    /** Output and last matrix; shapes as {@link GatedDelta#run} has them, but with heads of keys as they are. */
    static MlxArray[] gatedDelta(MlxArray q, MlxArray k, MlxArray v, MlxArray decay, MlxArray beta, MlxArray matrix) {
        int heads = v.dim(2);
        int valueDim = v.dim(3);
        Map<String, Integer> numbers = Map.of(
                "KEY_HEADS",
                k.dim(2),
                "KEY_DIM",
                k.dim(3),
                "VALUE_HEADS",
                heads,
                "VALUE_DIM",
                valueDim,
                "BY_DIMENSION",
                decay.ndim() == 4 ? 1 : 0);
        return DELTA.run(
                new MetalKernel.Launch(
                        numbers,
                        Map.of("T", q.dtype()),
                        new int[] {LANES, valueDim, v.dim(0) * heads},
                        new int[] {LANES, Math.min(4, valueDim), 1},
                        new int[][] {v.shape(), matrix.shape()},
                        new DType[] {q.dtype(), DType.FLOAT32}),
                q,
                k,
                v,
                decay,
                beta,
                matrix);
    }

    /** Output [rows, 1, heads, head dim] and last state of one position of each row. */
    static MlxArray[] stateSpace(
            MlxArray x, MlxArray b, MlxArray c, MlxArray steps, MlxArray rate, MlxArray skip, MlxArray state) {
        int heads = x.dim(2);
        int headDim = x.dim(3);
        Map<String, Integer> numbers =
                Map.of("HEADS", heads, "HEAD_DIM", headDim, "GROUPS", b.dim(2), "STATE", b.dim(3));
        return SPACE.run(
                new MetalKernel.Launch(
                        numbers,
                        Map.of("T", x.dtype()),
                        new int[] {LANES, headDim, x.dim(0) * heads},
                        new int[] {LANES, Math.min(8, headDim), 1},
                        new int[][] {x.shape(), state.shape()},
                        new DType[] {x.dtype(), DType.FLOAT32}),
                x,
                b,
                c,
                steps,
                rate,
                skip,
                state);
    }

    private static MlxArray random(int seed, int... shape) {
        return Random.normal(Random.key(seed), shape);
    }

    private static MlxArray[] deltaInput() {
        return deltaInput(random(4, 1, 5, 4));
    }

    private static MlxArray[] deltaInputByDimension() {
        return deltaInput(random(4, 1, 5, 4, 64));
    }

    private static MlxArray[] deltaInput(MlxArray decay) {
        return new MlxArray[] {
            GatedDelta.normalizedQueries(random(1, 1, 5, 2, 64)),
            GatedDelta.normalizedKeys(random(2, 1, 5, 2, 64)),
            random(3, 1, 5, 4, 8),
            Ops.negative(Ops.exp(decay)),
            Ops.sigmoid(random(5, 1, 5, 4)),
            random(6, 1, 4, 8, 64)
        };
    }

    private static MlxArray[] spaceInput() {
        return new MlxArray[] {
            random(1, 2, 1, 4, 8),
            random(2, 2, 1, 2, 64),
            random(3, 2, 1, 2, 64),
            Ops.exp(random(4, 2, 1, 4)),
            Ops.negative(Ops.exp(random(5, 4))),
            random(6, 4),
            random(7, 2, 2, 2, 8, 64)
        };
    }
}
