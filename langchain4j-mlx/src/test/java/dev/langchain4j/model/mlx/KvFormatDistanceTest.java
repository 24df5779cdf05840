package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.model.mlx.arch.ModelLoader;
import dev.langchain4j.model.mlx.kv.KvFormat;
import dev.langchain4j.model.mlx.kv.LayerCache;
import dev.langchain4j.model.mlx.model.LanguageModel;
import dev.langchain4j.model.mlx.model.ModelFolder;
import dev.langchain4j.model.mlx.testing.Feed;
import dev.langchain4j.model.mlx.testing.Goldens;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/**
 * How far quantized keys and values move what a model says: the divergence of the distributions of next tokens, of each
 * token of a text. Models with windows, states, sinks, shared keys and latent vectors stay within what full attention
 * alone loses in as many bits, where mlx-lm computes the same ({@link KvFormatGoldenTest}).
 */
class KvFormatDistanceTest {
    private static final int TOKENS = 160;
    private static final int CHUNK = 40;
    private static final List<String> FULL = List.of("wide", "full-llama", "full-olmo2");
    private static final List<Integer> BITS = List.of(8, 6, 4);

    /** What a model takes as it is computed, and in each number of bits; and what it loses by that. */
    private record Row(ModelLoader.Memory plain, List<ModelLoader.Memory> packed, List<Double> divergences) {}

    @Test
    void windowsAndStatesLoseNoMoreThanFullAttention() throws Exception {
        long handles = LiveHandles.count();
        Map<String, Row> full = new LinkedHashMap<>();
        Map<String, Row> others = new LinkedHashMap<>();
        for (String name : FULL) {
            full.put(name, row(Goldens.own("kv-formats").resolve(name)));
        }
        for (String name : Goldens.wideHybrids()) {
            others.put(name, row(Goldens.own("kv-formats").resolve(name)));
        }
        System.out.println("| model | bytes a token, and fixed | 8 bits | 4 bits | divergence 8 / 6 / 4 bits |");
        full.forEach(KvFormatDistanceTest::print);
        others.forEach(KvFormatDistanceTest::print);
        assertThat(others).hasSizeGreaterThan(5);
        for (int i = 0; i < BITS.size(); i++) {
            int bits = i;
            double most = full.values().stream()
                    .mapToDouble(row -> row.divergences.get(bits))
                    .max()
                    .orElseThrow();
            others.forEach((name, row) -> assertThat(row.divergences.get(bits))
                    .as("%s in %d bits", name, BITS.get(bits))
                    .isPositive()
                    .isLessThanOrEqualTo(most));
        }
        others.forEach((name, row) -> assertThat(row.packed)
                .as(name)
                .allSatisfy(packed -> assertThat(packed.fixedBytes()).isEqualTo(row.plain.fixedBytes()))
                .extracting(ModelLoader.Memory::bytesPerToken)
                .containsExactly(
                        row.plain.bytesPerToken() * 9 / 16,
                        row.plain.bytesPerToken() * 7 / 16,
                        row.plain.bytesPerToken() * 5 / 16));
        assertThat(LiveHandles.count()).isEqualTo(handles);
    }

    private static void print(String name, Row row) {
        System.out.printf(
                "| %s | %d + %d | %d | %d | %s |%n",
                name.replace("wide-", "").replace("full-", ""),
                row.plain.bytesPerToken(),
                row.plain.fixedBytes(),
                row.packed.getFirst().bytesPerToken(),
                row.packed.getLast().bytesPerToken(),
                row.divergences.stream().map("%.1e"::formatted).collect(Collectors.joining(" / ")));
    }

    private static Row row(Path folder) {
        try (MlxThread thread = MlxThread.start("distance")) {
            return thread.call(() -> new Row(
                    memory(folder, KvFormat.PLAIN),
                    BITS.stream().map(bits -> memory(folder, format(bits))).toList(),
                    divergences(folder)));
        }
    }

    private static KvFormat format(int bits) {
        return new KvFormat(bits, 32, 0, 0);
    }

    private static ModelLoader.Memory memory(Path folder, KvFormat format) {
        return ModelLoader.measure(folder, ModelFolder.config(folder), DType.FLOAT16, format);
    }

    /** The mean divergence of the model as it is from the model with quantized layers, in nats a token. */
    private static List<Double> divergences(Path folder) {
        ModelLoader.Loaded loaded = ModelLoader.load(folder, DType.FLOAT32);
        try {
            int[] text = new Random(11)
                    .ints(TOKENS, 0, loaded.model().vocabularySize())
                    .toArray();
            double[][] plain = distributions(loaded.model(), text);
            return BITS.stream()
                    .map(bits -> divergence(
                            plain, distributions(loaded.with(format(bits)).model(), text)))
                    .toList();
        } finally {
            loaded.weights().close();
        }
    }

    private static double divergence(double[][] plain, double[][] packed) {
        double sum = 0;
        for (int i = 0; i < plain.length; i++) {
            for (int t = 0; t < plain[i].length; t++) {
                sum += plain[i][t] * (Math.log(plain[i][t]) - Math.log(packed[i][t]));
            }
        }
        return sum / plain.length;
    }

    /** Behind the chunks of the first half, and behind each token of the second. */
    private static double[][] distributions(LanguageModel model, int[] text) {
        List<LayerCache> layers = model.newLayers();
        double[][] all = new double[TOKENS / 2][];
        try {
            for (int at = 0; at < TOKENS / 2; at += CHUNK) {
                Feed.feed(model, layers, Arrays.copyOfRange(text, at, at + CHUNK));
            }
            for (int i = 0; i < all.length; i++) {
                all[i] = softmax(Feed.feed(model, layers, text[TOKENS / 2 + i]));
            }
            return all;
        } finally {
            layers.forEach(LayerCache::close);
        }
    }

    private static double[] softmax(float[] logits) {
        double max = Double.NEGATIVE_INFINITY;
        for (float logit : logits) {
            max = Math.max(max, logit);
        }
        double[] shares = new double[logits.length];
        double sum = 0;
        for (int i = 0; i < shares.length; i++) {
            shares[i] = Math.exp(logits[i] - max) + 1e-12;
            sum += shares[i];
        }
        for (int i = 0; i < shares.length; i++) {
            shares[i] /= sum;
        }
        return shares;
    }
}
