package dev.langchain4j.mlx;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;

/** Graphs as a GPU would get them can be looked at without one. */
class GraphTest {
    private static Map<String, Integer> onGpu(Supplier<MlxArray> builder) {
        long handles = LiveHandles.count();
        try (MlxThread thread = MlxThread.start("graph", Device.CPU)) {
            return thread.call(() -> {
                try (Scope scope = Scope.open()) {
                    return Graph.asOnGpu(() -> Graph.nodes(builder.get()));
                }
            });
        } finally {
            assertThat(LiveHandles.count()).isEqualTo(handles);
        }
    }

    private static MlxArray ones(int... shape) {
        return Indexing.ones(DType.FLOAT32, shape).eval();
    }

    @Test
    void aFusedOperationIsOneNode() {
        assertThat(onGpu(() -> Fast.rmsNorm(ones(1, 3, 8), ones(8), 1e-5f))).isEqualTo(Map.of("Depends", 1));
        assertThat(onGpu(() -> Fast.rope(ones(1, 2, 3, 8), 8, false, 1e4f, 1, 5)))
                .isEqualTo(Map.of("Depends", 1));
        assertThat(onGpu(() ->
                        Fast.attention(ones(1, 4, 3, 8), ones(1, 2, 9, 8), ones(1, 2, 9, 8), 1, true, null, null)))
                .isEqualTo(Map.of("Depends", 1));
    }

    @Test
    void aCompiledChainIsOneNode() {
        Map<String, Integer> nodes = onGpu(() -> Fast.siluTimes(ones(1, 3, 8), ones(1, 3, 8)));
        assertThat(nodes).hasSize(1).containsValue(1);
        assertThat(nodes.keySet().iterator().next()).startsWith("Compiled");
    }

    @Test
    void viewsAreNone() {
        assertThat(onGpu(() -> Ops.exp(Indexing.transpose(Indexing.reshape(ones(2, 3, 8), 6, 8), 1, 0))))
                .isEqualTo(Map.of("Exp", 1));
    }

    @Test
    void whatIsComputedAlreadyIsNone() {
        assertThat(onGpu(() -> Ops.add(Ops.exp(ones(3)).eval(), 1))).isEqualTo(Map.of("Add", 1));
    }
}
