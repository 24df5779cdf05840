package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.mlx.Safetensors;
import dev.langchain4j.mlx.Scope;
import dev.langchain4j.model.mlx.arch.ModelLoader;
import dev.langchain4j.model.mlx.kv.KvFormat;
import dev.langchain4j.model.mlx.kv.LayerCache;
import dev.langchain4j.model.mlx.kv.Snapshot;
import dev.langchain4j.model.mlx.model.JsonFiles;
import dev.langchain4j.model.mlx.model.LanguageModel;
import dev.langchain4j.model.mlx.testing.Feed;
import dev.langchain4j.model.mlx.testing.Goldens;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;
import java.util.stream.StreamSupport;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Quantized and bounded KV caches compute what mlx-lm's compute; src/test/scripts/make_kv_goldens.py made the cases.
 */
class KvFormatGoldenTest {
    private static final double TOLERANCE = 1e-3;
    /** A number on the edge of two levels falls to either of them with the last bits of a product. */
    private static final double QUANTIZED_TOLERANCE = 5e-3;

    /** A case of cases.json. */
    record Case(String name, String model, KvFormat format, int[] chunks) {
        @Override
        public String toString() {
            return name;
        }
    }

    static List<Case> cases() {
        JsonNode all = JsonFiles.read(Goldens.own("kv-formats").resolve("cases.json"));
        return StreamSupport.stream(all.spliterator(), false)
                .map(c -> new Case(
                        c.get("name").asText(),
                        c.get("model").asText(),
                        new KvFormat(
                                c.get("bits").asInt(),
                                c.get("groupSize").asInt(),
                                c.get("quantizedStart").asInt(),
                                c.get("maxSize").asInt()),
                        StreamSupport.stream(c.get("chunks").spliterator(), false)
                                .mapToInt(JsonNode::asInt)
                                .toArray()))
                .toList();
    }

    private static void with(Case c, BiConsumer<LanguageModel, Map<String, MlxArray>> test) {
        long handles = LiveHandles.count();
        Path folder = Goldens.own((c.model.matches("wide.*|full-.*") ? "kv-formats/" : "models/") + c.model);
        try (MlxThread thread = MlxThread.start("kv-format")) {
            thread.run(() -> {
                ModelLoader.Loaded loaded =
                        ModelLoader.load(folder, DType.FLOAT32).with(c.format);
                try (Scope scope = Scope.open()) {
                    test.accept(
                            loaded.model(),
                            Safetensors.load(Goldens.own("kv-formats").resolve(c.name + ".safetensors")));
                } finally {
                    loaded.weights().close();
                }
            });
        }
        assertThat(LiveHandles.count()).isEqualTo(handles);
    }

    @ParameterizedTest
    @MethodSource("cases")
    void logitsAndGreedyTokensAreThoseOfMlxLm(Case c) {
        with(c, (model, golden) -> {
            int[] prompt = golden.get("prompt").toInts();
            int[] decode = golden.get("decode").toInts();
            float[] steps = golden.get("steps").toFloats();
            double tolerance = c.format.bits() == 0 ? TOLERANCE : QUANTIZED_TOLERANCE;
            List<LayerCache> layers = model.newLayers();
            try {
                float[] row = null;
                int at = 0;
                for (int chunk : c.chunks) {
                    row = Feed.feed(model, layers, Arrays.copyOfRange(prompt, at, at += chunk));
                }
                assertThat(Feed.gap(row, golden.get("logits").toFloats())).isCloseTo(0, within(tolerance));
                for (int i = 0; i < decode.length; i++) {
                    row = Feed.feed(model, layers, decode[i]);
                    float[] want = Arrays.copyOfRange(steps, i * row.length, (i + 1) * row.length);
                    assertThat(Feed.gap(row, want)).as("step %d", i).isCloseTo(0, within(tolerance));
                }
            } finally {
                layers.forEach(LayerCache::close);
            }
        });
    }

    /** Whatever was kept, at whatever token: going on from there is going on from the original. */
    @ParameterizedTest
    @MethodSource("cases")
    void whatWasKeptGoesOnLikeTheSequenceItWasTakenFrom(Case c) {
        with(c, (model, golden) -> {
            int[] prompt = Arrays.copyOf(golden.get("prompt").toInts(), 21);
            int start = c.format.quantizedStart();
            for (int kept : new int[] {1, 6, start, start + 1, 13, 20}) {
                if (kept > 0 && kept <= 20) {
                    resume(model, prompt, kept, start);
                }
            }
        });
    }

    private static void resume(LanguageModel model, int[] prompt, int kept, int start) {
        List<LayerCache> first = model.newLayers();
        List<LayerCache> second = model.newLayers();
        List<Snapshot> snapshots = new ArrayList<>();
        try {
            fed(model, first, prompt, 0, kept, start);
            first.forEach(layer -> snapshots.add(layer.sliceable() ? layer.slice(0, kept) : layer.state()));
            float[] whole = fed(model, first, prompt, kept, prompt.length, start);
            for (int i = 0; i < second.size(); i++) {
                restore(second.get(i), snapshots.get(i), kept);
                assertThat(second.get(i).offset()).isEqualTo(kept);
            }
            float[] resumed = fed(model, second, prompt, kept, prompt.length, start);
            assertThat(Feed.gap(resumed, whole)).as("kept at %d", kept).isCloseTo(0, within(1e-4));
            if (first.getFirst().sliceable()) {
                first.forEach(layer -> layer.trimTo(kept));
                float[] again = fed(model, first, prompt, kept, prompt.length, start);
                assertThat(Feed.gap(again, whole)).as("cut back to %d", kept).isCloseTo(0, within(1e-4));
            }
        } finally {
            snapshots.forEach(Snapshot::close);
            first.forEach(LayerCache::close);
            second.forEach(LayerCache::close);
        }
    }

    /** A slice is put back in two parts, as the trie does it. */
    private static void restore(LayerCache layer, Snapshot snapshot, int kept) {
        if (!layer.sliceable() || kept < 2) {
            layer.restore(snapshot);
            return;
        }
        try (Snapshot head = snapshot.slice(0, kept / 2);
                Snapshot tail = snapshot.slice(kept / 2, kept)) {
            assertThat(head.bytes() + tail.bytes()).isEqualTo(snapshot.bytes());
            layer.restore(head);
            layer.restore(tail);
        }
    }

    /** Feeds a range in two chunks, none of which reaches over {@code start}, as prefill does it. */
    private static float[] fed(
            LanguageModel model, List<LayerCache> layers, int[] tokens, int from, int to, int start) {
        float[] row = null;
        for (int at = from; at < to; ) {
            int next = Math.min(to, at + Math.max(1, (to - from) / 2));
            next = at < start ? Math.min(next, start) : next;
            row = Feed.feed(model, layers, Arrays.copyOfRange(tokens, at, next));
            at = next;
        }
        return row;
    }
}
