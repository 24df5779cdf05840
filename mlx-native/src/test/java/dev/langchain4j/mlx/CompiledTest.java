package dev.langchain4j.mlx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Chains of operations give compiled what they give one by one. On the CPU, MLX compiles them with a C++ compiler. */
class CompiledTest {
    private static final String PROPERTY = "langchain4j.mlx.compile";

    @BeforeEach
    void compileOnTheCpu() throws Exception {
        boolean compiler;
        try {
            compiler = new ProcessBuilder("g++", "--version")
                            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                            .start()
                            .waitFor()
                    == 0;
        } catch (IOException e) {
            compiler = false;
        }
        assumeTrue(compiler, "there is no g++");
        System.setProperty(PROPERTY, "true");
    }

    @AfterEach
    void asBefore() {
        System.clearProperty(PROPERTY);
    }

    private static void run(Runnable test) {
        long handles = LiveHandles.count();
        try (MlxThread thread = MlxThread.start("compiled", Device.CPU)) {
            thread.run(() -> {
                try (Scope scope = Scope.open()) {
                    test.run();
                }
            });
        }
        assertThat(LiveHandles.count()).isEqualTo(handles);
    }

    @Test
    void aChainGivesWhatItsOperationsGive() {
        Compiled chain = Compiled.of(in -> Ops.multiply(Ops.tanh(Ops.divide(in[0], 30)), in[1]));
        run(() -> {
            MlxArray x = Random.normal(Random.key(1), 3, 50);
            MlxArray y = Random.normal(Random.key(2), 1, 50);
            assertThat(chain.apply(x, y).toFloats())
                    .containsExactly(chain.chain().of(x, y).toFloats(), within(1e-6f));
        });
    }

    @Test
    void itIsTracedOnceForAllLengths() {
        AtomicInteger traces = new AtomicInteger();
        Compiled chain = Compiled.of(in -> {
            traces.incrementAndGet();
            return Ops.multiply(Ops.exp(in[0]), 2);
        });
        run(() -> {
            for (int length = 1; length < 6; length++) {
                assertThat(chain.apply(Indexing.zeros(DType.FLOAT32, 2, length)).toFloats())
                        .hasSize(2 * length)
                        .containsOnly(2);
            }
            assertThat(traces).hasValue(1);
            chain.apply(Indexing.zeros(DType.BFLOAT16, 2, 3)).eval();
            assertThat(traces).hasValue(2);
        });
    }

    @Test
    void whatAChainThrowsArrivesAndTheThreadLivesOn() {
        Compiled broken = Compiled.of(in -> {
            throw new IllegalStateException("no such thing");
        });
        Compiled sound = Compiled.of(in -> Ops.add(Ops.negative(in[0]), 1));
        run(() -> {
            MlxArray x = Indexing.zeros(DType.FLOAT32, 4);
            assertThatThrownBy(() -> broken.apply(x))
                    .isInstanceOf(MlxException.class)
                    .hasMessageContaining("no such thing")
                    .hasRootCauseInstanceOf(IllegalStateException.class);
            assertThat(sound.apply(x).toFloats()).containsOnly(1);
        });
    }

    @Test
    void anErrorOfJavaDoesNotPassThroughC() {
        Compiled deep = Compiled.of(in -> {
            throw new StackOverflowError("too deep");
        });
        run(() -> assertThatThrownBy(() -> deep.apply(Indexing.zeros(DType.FLOAT32, 4)))
                .isInstanceOf(MlxException.class)
                .hasRootCauseInstanceOf(StackOverflowError.class));
    }
}
