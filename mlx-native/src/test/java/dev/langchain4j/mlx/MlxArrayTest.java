package dev.langchain4j.mlx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class MlxArrayTest {
    private long handlesBefore;
    private MlxThread thread;

    @BeforeEach
    void start() {
        handlesBefore = LiveHandles.count();
        thread = MlxThread.start("test");
    }

    @AfterEach
    void noHandleIsLeft() {
        thread.close();
        assertThat(LiveHandles.count()).isEqualTo(handlesBefore);
    }

    private void inScope(Runnable body) {
        thread.run(() -> {
            try (Scope scope = Scope.open()) {
                body.run();
            }
        });
    }

    @Test
    void computesWhatItsOperationsSay() {
        inScope(() -> {
            MlxArray a = MlxArray.of(new float[] {1, 2, 3, 4}, 2, 2);
            MlxArray b = MlxArray.of(new float[] {10, 20}, 2);
            assertThat(Ops.add(a, b).toFloats()).containsExactly(11, 22, 13, 24);
            assertThat(Ops.matmul(a, a).toFloats()).containsExactly(7, 10, 15, 22);
            assertThat(Ops.argmax(a, -1, false).toInts()).containsExactly(1, 1);
            assertThat(Indexing.slice(a, 1, 1, 2).toFloats()).containsExactly(2, 4);
            assertThat(Indexing.transpose(a, 1, 0).toFloats()).containsExactly(1, 3, 2, 4);
            assertThat(Ops.cumsum(a, 1, false, true).toFloats()).containsExactly(1, 3, 3, 7);
            assertThat(Indexing.concatenate(0, a, a).shape()).containsExactly(4, 2);
            assertThat(Indexing.split(a, 2, 0)[1].toFloats()).containsExactly(3, 4);
        });
    }

    @Test
    void itsMemoryIsFilledInParts() {
        inScope(() -> {
            MlxArray whole = Indexing.copy(Indexing.reshape(Indexing.arange(0, 12, DType.FLOAT32), 2, 3, 2));
            List<ByteBuffer> parts = whole.memory(1, 1, 3);
            assertThat(parts).hasSize(2).allMatch(part -> part.remaining() == 16);
            parts.get(1).asFloatBuffer().put(new float[] {-1, -2, -3, -4});
            assertThat(whole.toFloats()).containsExactly(0, 1, 2, 3, 4, 5, 6, 7, -1, -2, -3, -4);
            assertThat(Indexing.transpose(whole, 2, 1, 0).memory(1, 0, 1))
                    .as("not in row order")
                    .isNull();
            assertThatThrownBy(() -> whole.memory(1, 1, 4))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("[1, 4) of axis 1");
        });
    }

    @Test
    void whatIsUnwrittenHasWhatIsWritten() {
        inScope(() -> {
            MlxArray room = Indexing.unwritten(DType.FLOAT32, 2, 3, 2);
            room.memory(1, 0, 3).forEach(part -> part.asFloatBuffer().put(new float[] {1, 2, 3, 4, 5, 6}));
            assertThat(room.shape()).containsExactly(2, 3, 2);
            assertThat(Ops.add(room, room).toFloats()).containsExactly(2, 4, 6, 8, 10, 12, 2, 4, 6, 8, 10, 12);
            MlxArray ofHugePages = Indexing.unwritten(DType.UINT8, 5 << 20);
            ByteBuffer memory = ofHugePages.memory(0, 0, 5 << 20).getFirst();
            for (int i = 0; i < 5; i++) {
                memory.put((i << 20) + i, (byte) (i + 1));
            }
            assertThat(Indexing.slice(ofHugePages, 0, (3 << 20) + 3, (3 << 20) + 4)
                            .toInts())
                    .containsExactly(4);
            assertThat(Indexing.unwritten(DType.INT32, 3, 0).toInts()).isEmpty();
            int most = Integer.MAX_VALUE;
            for (int[] wrong : new int[][] {{most, most}, {most, most, most}, {-1}, {-2, -2}}) {
                assertThatThrownBy(() -> Indexing.unwritten(DType.FLOAT32, wrong))
                        .isInstanceOf(IllegalArgumentException.class);
            }
            assertThatThrownBy(() -> Indexing.unwritten(DType.UINT8, most, most))
                    .isInstanceOf(MlxException.class);
        });
    }

    @Test
    void aPartIsOverwrittenInPlace() {
        inScope(() -> {
            MlxArray whole = Indexing.reshape(Indexing.arange(0, 12, DType.FLOAT32), 2, 3, 2);
            MlxArray part = MlxArray.of(new float[] {-1, -2, -3, -4}, 2, 1, 2);
            boolean onCpu = thread.device() == Device.CPU;
            assertThat(whole.overwrite(part, 1, 2)).isEqualTo(onCpu);
            if (onCpu) {
                assertThat(whole.toFloats()).containsExactly(0, 1, 2, 3, -1, -2, 6, 7, 8, 9, -3, -4);
            }
            MlxArray turned = Indexing.transpose(MlxArray.of(new float[] {-1, -2, -3, -4}, 2, 1, 2), 2, 1, 0);
            assertThat(whole.overwrite(turned, 1, 0)).as("not in row order").isFalse();
            assertThat(whole.overwrite(Ops.astype(part, DType.INT32), 1, 0))
                    .as("another type")
                    .isFalse();
            assertThatThrownBy(() -> whole.overwrite(part, 1, 3))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("[3, 4) of axis 1");
            assertThatThrownBy(() -> whole.overwrite(part, 2, 0))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("does not fit");
        });
    }

    @Test
    void optionalNumbersTravelInOneRegister() {
        inScope(() -> {
            MlxArray x = MlxArray.of(new float[] {1, 0, 1, 0}, 1, 1, 1, 4);
            float[] turned = Fast.rope(x, 4, false, 100f, 1f, 1).toFloats();
            assertThat(turned[0]).isCloseTo((float) (Math.cos(1) - Math.sin(1)), within(1e-5f));
            assertThat(turned[2]).isCloseTo((float) (Math.cos(1) + Math.sin(1)), within(1e-5f));
            MlxArray w = Indexing.reshape(Indexing.arange(0, 64, DType.FLOAT32), 1, 64);
            Quantized.Format format = new Quantized.Format(32, 8, "affine");
            MlxArray[] q = Quantized.quantize(w, format);
            assertThat(q[1].shape()).containsExactly(1, 2);
            float[] back = Quantized.dequantize(q[0], q[1], q[2], format, null).toFloats();
            assertThat(back[63]).isCloseTo(63f, within(0.2f));
        });
    }

    private static org.assertj.core.data.Offset<Float> within(float tolerance) {
        return org.assertj.core.api.Assertions.within(tolerance);
    }

    @Test
    void failuresNameTheOperationTheShapesAndTheNativeText() {
        inScope(() -> {
            MlxArray a = MlxArray.of(new float[] {1, 2, 3}, 3);
            MlxArray b = MlxArray.of(new float[] {1, 2}, 2);
            assertThatThrownBy(() -> Ops.add(a, b))
                    .isInstanceOf(MlxException.class)
                    .hasMessageContaining("add(float32[3], float32[2])")
                    .hasMessageContaining("broadcast");
        });
    }

    @Test
    void arraysOfOneThreadAreRefusedOnAnotherNamingBoth() {
        AtomicReference<MlxArray> kept = new AtomicReference<>();
        inScope(() -> kept.set(MlxArray.of(new int[] {1}, 1).detach()));
        assertThatThrownBy(() -> kept.get().eval())
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("\"" + Thread.currentThread().getName() + "\"")
                .hasMessageContaining("MlxThread");
        try (MlxThread other = MlxThread.start("other")) {
            assertThatThrownBy(() -> other.run(() -> kept.get().eval()))
                    .hasMessageContaining("\"test\"")
                    .hasMessageContaining("\"other\"");
        }
        thread.run(() -> kept.get().close());
    }

    @Test
    void aScopeFreesWhatWasNotDetached() {
        thread.run(() -> {
            MlxArray kept;
            MlxArray lost;
            try (Scope scope = Scope.open()) {
                lost = MlxArray.of(new int[] {1}, 1);
                kept = Ops.add(lost, lost).detach();
            }
            assertThat(kept.eval().toInts()).containsExactly(2);
            assertThatThrownBy(lost::eval).hasMessageContaining("freed");
            kept.close();
            kept.close();
            assertThatThrownBy(() -> MlxArray.of(new int[] {1}, 1)).hasMessageContaining("no Scope is open");
        });
    }

    @Test
    void scalarsTakeTheTypeOfTheOtherSide() {
        inScope(() -> {
            MlxArray half = Ops.astype(MlxArray.of(new float[] {1.5f}, 1), DType.BFLOAT16);
            MlxArray scaled = Ops.multiply(half, 2);
            assertThat(scaled.dtype()).isEqualTo(DType.BFLOAT16);
            assertThat(scaled.toFloats()).containsExactly(3f);
            assertThat(Ops.add(Ops.astype(half, DType.FLOAT16), 0.25).toFloats())
                    .containsExactly(1.75f);
        });
    }

    @Test
    void shapesThatDoNotFitTheNumbersAreRefused() {
        inScope(() -> assertThatThrownBy(() -> MlxArray.of(new float[3], 2, 2))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("[2, 2]")
                .hasMessageContaining("(3)"));
    }

    @Test
    void randomNumbersDependOnTheKeyAlone() {
        inScope(() -> {
            MlxArray[] keys = Random.split(Random.key(7));
            float[] once = Random.normal(keys[1], 4).toFloats();
            float[] again = Random.normal(Random.split(Random.key(7))[1], 4).toFloats();
            assertThat(again).containsExactly(once);
            assertThat(Random.normal(keys[0], 4).toFloats()).isNotEqualTo(once);
        });
    }

    @Test
    void aTaskThatThrowsLeavesTheThreadAlive() {
        assertThatThrownBy(() -> thread.run(() -> {
                    throw new IllegalArgumentException("mine");
                }))
                .hasMessage("mine");
        assertThat(thread.call(() -> 3)).isEqualTo(3);
        thread.close();
        assertThatThrownBy(() -> thread.call(() -> 3)).hasMessageContaining("closed");
    }
}
