package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.Device;
import dev.langchain4j.mlx.Eval;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.mlx.Scope;
import dev.langchain4j.model.mlx.arch.ModelLoader;
import dev.langchain4j.model.mlx.kv.KvFormat;
import dev.langchain4j.model.mlx.kv.LayerCache;
import dev.langchain4j.model.mlx.kv.Sight;
import dev.langchain4j.model.mlx.kv.Spans;
import dev.langchain4j.model.mlx.model.LanguageModel;
import dev.langchain4j.model.mlx.testing.Feed;
import dev.langchain4j.model.mlx.testing.Goldens;
import dev.langchain4j.model.mlx.testing.Seeds;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Several sequences in one forward pass: each computes what it computes alone, whoever joins or leaves.
 * {@code -Drounds=N} says how often.
 */
class FlatStepTest {
    private static final int VOCABULARY = 96;
    /** Recurrent layers carry roundings on; 2.4e-3 was seen. */
    private static final double APART_MAX = 1e-2;
    /** A number on the edge of two levels may fall to either of them. */
    private static final double QUANTIZED_APART_MAX = 5e-2;

    /** A sequence that runs beside others, and the same one that runs alone. */
    private static final class Pair {
        private final int[] tokens;
        private final List<LayerCache> beside;
        private final List<LayerCache> alone;
        private int fed;

        Pair(LanguageModel model, int[] tokens) {
            this.tokens = tokens;
            this.beside = model.newLayers();
            this.alone = model.newLayers();
        }

        int[] next(int count) {
            int[] next = Arrays.copyOfRange(tokens, fed, fed + count);
            fed += count;
            return next;
        }

        int left() {
            return tokens.length - fed;
        }

        void close() {
            beside.forEach(LayerCache::close);
            alone.forEach(LayerCache::close);
        }
    }

    static Stream<String> folders() throws Exception {
        return Goldens.models().stream();
    }

    @ParameterizedTest
    @MethodSource("folders")
    void eachSequenceComputesWhatItComputesAlone(String name) {
        run(name, Goldens.folder("models").resolve(name), KvFormat.PLAIN, Integer.getInteger("rounds", 1));
    }

    static Stream<KvFormat> formats() {
        return Stream.of(new KvFormat(8, 32, 0, 0), new KvFormat(4, 32, 6, 0), new KvFormat(0, 64, 0, 12));
    }

    @ParameterizedTest
    @MethodSource("formats")
    void inEveryKvFormat(KvFormat format) {
        run("wide", Goldens.own("kv-formats").resolve("wide"), format, 4);
    }

    static List<String> wideHybrids() throws Exception {
        return Goldens.wideHybrids();
    }

    @ParameterizedTest
    @MethodSource("wideHybrids")
    void withQuantizedLayersBesideOthers(String name) {
        run(name, Goldens.own("kv-formats").resolve(name), new KvFormat(8, 32, 6, 0), 1);
    }

    private static void run(String name, Path folder, KvFormat format, int rounds) {
        long before = LiveHandles.count();
        long first = Seeds.seed(FlatStepTest.class);
        try (MlxThread thread = MlxThread.start("flat", Device.CPU)) {
            thread.run(() -> {
                ModelLoader.Loaded loaded =
                        ModelLoader.load(folder, DType.FLOAT32).with(format);
                try {
                    for (int i = 0; i < rounds; i++) {
                        long seed = first + i;
                        schedule(
                                loaded.model(),
                                new Random(seed),
                                name + ", seed " + seed,
                                format.bits() == 0 ? APART_MAX : QUANTIZED_APART_MAX);
                    }
                } finally {
                    loaded.weights().close();
                }
            });
        }
        assertThat(LiveHandles.count()).isEqualTo(before);
    }

    /** Sequences join at any time and leave when their tokens are used up; each step has spans of 1 to 4 tokens. */
    private static void schedule(LanguageModel model, Random random, String what, double apartMax) {
        List<Pair> running = new ArrayList<>();
        int started = 0;
        try {
            while (started < 9 || !running.isEmpty()) {
                while (started < 9 && (running.size() < 2 || random.nextInt(3) == 0)) {
                    running.add(new Pair(
                            model,
                            random.ints(4 + random.nextInt(28), 0, VOCABULARY).toArray()));
                    started++;
                }
                boolean single = random.nextBoolean();
                List<int[]> spans = new ArrayList<>();
                for (Pair pair : running) {
                    int limit = pair.beside.stream()
                                    .mapToInt(LayerCache::chunkLimit)
                                    .min()
                                    .orElseThrow()
                            - pair.fed;
                    int most = single ? 1 : Math.min(Math.min(pair.left(), limit), 4);
                    spans.add(pair.next(1 + random.nextInt(most)));
                }
                List<float[]> logits = step(model, running, spans);
                for (int i = 0; i < spans.size(); i++) {
                    float[] alone = Feed.feed(model, running.get(i).alone, spans.get(i));
                    assertThat(Feed.gap(logits.get(i), alone))
                            .as("%s, span %d of %d", what, i, spans.size())
                            .isLessThan(apartMax);
                }
                running.removeIf(pair -> {
                    boolean over = pair.left() == 0;
                    if (over) {
                        pair.close();
                    }
                    return over;
                });
            }
        } finally {
            running.forEach(Pair::close);
        }
    }

    /** One forward pass; the logits behind each span. */
    private static List<float[]> step(LanguageModel model, List<Pair> running, List<int[]> spans) {
        int[] tokens = spans.stream().flatMapToInt(Arrays::stream).toArray();
        int[] lengths = spans.stream().mapToInt(span -> span.length).toArray();
        List<List<LayerCache>> sequences =
                running.stream().map(pair -> pair.beside).toList();
        Spans step = Spans.of(sequences, lengths, Collections.nCopies(lengths.length, Sight.NONE));
        MlxArray logits;
        try (Scope scope = Scope.open()) {
            logits = model.logits(model.forward(MlxArray.of(tokens, 1, tokens.length), step))
                    .detach();
        }
        try (logits) {
            Eval.eval(logits);
            sequences.forEach(layers -> Eval.eval(LayerCache.buffers(layers)));
            float[] all = logits.toFloats();
            int width = model.vocabularySize();
            List<float[]> rows = new ArrayList<>();
            for (int i = 0; i < step.count(); i++) {
                rows.add(Arrays.copyOfRange(all, step.last(i) * width, (step.last(i) + 1) * width));
            }
            return rows;
        }
    }
}
