package dev.langchain4j.model.mlx.kv;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.mlx.Eval;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.mlx.Scope;
import org.junit.jupiter.api.Test;

/** Inputs are their own positions plus one, so that zeros stand for what was before the start. */
class ShortConvCacheTest {

    private static float[] feed(ShortConvCache cache, int length) {
        try (Scope scope = Scope.open()) {
            float[] inputs = new float[length];
            for (int i = 0; i < length; i++) {
                inputs[i] = cache.offset() + i + 1;
            }
            float[] all =
                    cache.update(MlxArray.of(inputs, 1, length, 1), length).toFloats();
            Eval.eval(cache.buffers());
            return all;
        }
    }

    @Test
    void inputsComeAfterTheLastOnesBefore() {
        try (MlxThread thread = MlxThread.start("conv")) {
            thread.run(() -> {
                try (ShortConvCache cache = new ShortConvCache(4)) {
                    assertThat(feed(cache, 2)).containsExactly(0, 0, 0, 1, 2);
                    assertThat(feed(cache, 1)).containsExactly(0, 1, 2, 3);
                    assertThat(feed(cache, 5)).containsExactly(1, 2, 3, 4, 5, 6, 7, 8);
                    assertThat(cache.bytes()).isEqualTo(3 * 4);
                }
            });
        }
    }

    @Test
    void aRestoredStateGoesOnLikeTheSequenceItWasTakenFrom() {
        long handles = LiveHandles.count();
        try (MlxThread thread = MlxThread.start("conv")) {
            thread.run(() -> {
                try (ShortConvCache original = new ShortConvCache(3);
                        ShortConvCache other = new ShortConvCache(3);
                        Snapshot start = original.state()) {
                    feed(original, 6);
                    try (Snapshot state = original.state()) {
                        feed(original, 3);
                        other.restore(state);
                        assertThat(other.offset()).isEqualTo(6);
                        assertThat(feed(other, 2)).containsExactly(5, 6, 7, 8);
                        other.restore(start);
                        assertThat(feed(other, 1)).containsExactly(0, 0, 1);
                    }
                }
            });
        }
        assertThat(LiveHandles.count()).isEqualTo(handles);
    }

    @Test
    void whatAConvolutionCannotDoIsRefused() {
        try (MlxThread thread = MlxThread.start("conv")) {
            thread.run(() -> {
                try (ShortConvCache cache = new ShortConvCache(3)) {
                    feed(cache, 5);
                    cache.trimTo(5);
                    assertThatThrownBy(() -> cache.trimTo(4)).isInstanceOf(UnsupportedOperationException.class);
                    assertThatThrownBy(() -> cache.slice(0, 2)).isInstanceOf(UnsupportedOperationException.class);
                }
            });
        }
        assertThatThrownBy(() -> new ShortConvCache(1)).hasMessageContaining("width (1)");
    }
}
