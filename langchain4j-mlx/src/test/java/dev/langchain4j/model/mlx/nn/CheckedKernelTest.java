package dev.langchain4j.model.mlx.nn;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.MlxException;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.mlx.Scope;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** A kernel is used if it computes what plain operations compute, whatever the device makes of it. */
class CheckedKernelTest {
    private final AtomicInteger runs = new AtomicInteger();

    /** Whether a device that answers with this kernel is believed, asked so many times. */
    private boolean[] believed(boolean supported, int times, Function<MlxArray, MlxArray> device) {
        CheckedKernel kernel = new CheckedKernel(
                "doubled",
                () -> supported,
                () -> new MlxArray[] {Indexing.arange(1, 9, DType.FLOAT32)},
                in -> {
                    runs.incrementAndGet();
                    return new MlxArray[] {device.apply(in[0])};
                },
                in -> new MlxArray[] {Ops.multiply(in[0], 2)});
        long handles = LiveHandles.count();
        boolean[] answers = new boolean[times];
        try (MlxThread thread = MlxThread.start("checked")) {
            thread.run(() -> IntStream.range(0, times).forEach(i -> {
                try (Scope scope = Scope.open()) {
                    answers[i] = kernel.isUsable();
                }
            }));
        }
        assertThat(LiveHandles.count()).isEqualTo(handles);
        return answers;
    }

    @Test
    void aKernelThatIsRightIsUsedAndCheckedOnce() {
        assertThat(believed(true, 3, x -> Ops.add(x, x))).containsExactly(true, true, true);
        assertThat(runs).hasValue(1);
    }

    @Test
    void aDeviceThatLiesIsNotBelieved() {
        assertThat(believed(true, 3, x -> Ops.multiply(x, 2.01))).containsExactly(false, false, false);
        assertThat(runs).hasValue(1);
    }

    @Test
    void oneWrongNumberIsEnough() {
        assertThat(believed(true, 1, x -> Ops.where(Ops.equal(x, MlxArray.scalar(3, DType.FLOAT32)), x, Ops.add(x, x))))
                .containsExactly(false);
    }

    @Test
    void oneThatIsNoNumberIsEnough() {
        assertThat(believed(true, 1, x -> {
                    MlxArray third = Ops.equal(x, MlxArray.scalar(3, DType.FLOAT32));
                    return Ops.where(third, MlxArray.scalar(Double.NaN, DType.FLOAT32), Ops.add(x, x));
                }))
                .containsExactly(false);
    }

    @Test
    void resultsThatAreNoNumbersAreNotBelieved() {
        assertThat(believed(true, 1, x -> Ops.multiply(x, Double.NaN))).containsExactly(false);
    }

    @Test
    void aKernelThatDoesNotCompileIsLeftAlone() {
        assertThat(believed(true, 2, x -> {
                    throw new MlxException("[metal::Device] Unable to build metal library from source");
                }))
                .containsExactly(false, false);
        assertThat(runs).hasValue(1);
    }

    /** MLX compiles a kernel when its result is computed. */
    @Test
    void aKernelThatFailsWhenItIsComputedIsLeftAlone() {
        assertThat(believed(true, 2, x -> Ops.matmul(Ops.astype(x, DType.INT32), Ops.astype(x, DType.INT32))))
                .containsExactly(false, false);
    }

    @Test
    void resultsOfAnotherLengthAreNotBelieved() {
        assertThat(believed(true, 1, x -> Indexing.slice(Ops.add(x, x), 0, 0, 7)))
                .containsExactly(false);
    }

    @Test
    void aDeviceWithoutKernelsIsNotEvenAsked() {
        assertThat(believed(false, 2, x -> Ops.add(x, x))).containsExactly(false, false);
        assertThat(runs).hasValue(0);
    }
}
