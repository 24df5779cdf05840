package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.mlx.Safetensors;
import dev.langchain4j.mlx.Scope;
import dev.langchain4j.model.mlx.arch.ModelLoader;
import dev.langchain4j.model.mlx.arch.ModelRegistry;
import dev.langchain4j.model.mlx.kv.LayerCache;
import dev.langchain4j.model.mlx.model.ModelFolder;
import dev.langchain4j.model.mlx.model.Weights;
import dev.langchain4j.model.mlx.testing.Goldens;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Tiny models of each architecture compute what mlx-lm computes: one prefill, prefill in chunks, decode. */
class ModelGoldenTest {
    private static final int CHUNK = 5;

    /** Logits of single precision; numbers of fewer bits round on other paths. */
    private static double tolerance(Path folder, Weights weights) throws Exception {
        String config = Files.readString(folder.resolve("config.json"));
        boolean half =
                weights.types().contains(DType.BFLOAT16) || weights.types().contains(DType.FLOAT16);
        return half || config.contains("mxfp") || config.contains("nvfp") ? 3e-2 : 1e-3;
    }

    @Test
    void everyModelFolderComputesItsGoldenLogitsAndTokens() throws Exception {
        List<String> failures = new ArrayList<>();
        List<Path> folders;
        List<String> unknown = new ArrayList<>();
        try (Stream<Path> all = Files.list(Goldens.folder("models"))) {
            folders = all.filter(f -> Files.exists(f.resolve("golden.safetensors")))
                    .sorted()
                    .filter(f -> isRegistered(f, unknown))
                    .toList();
        }
        if (!unknown.isEmpty()) {
            System.out.println("not registered: " + String.join(", ", unknown));
        }
        long handles = LiveHandles.count();
        int expanded = 0;
        for (Path folder : folders) {
            try (MlxThread thread = MlxThread.start("golden")) {
                String failure = thread.call(() -> check(folder, false));
                if (failure != null) {
                    failures.add(folder.getFileName() + ": " + failure);
                }
                if (ModelFolder.expandedBytes(folder, ModelFolder.config(folder), null) >= 0) {
                    expanded++;
                    String other = thread.call(() -> check(folder, true));
                    if (other != null) {
                        failures.add(folder.getFileName() + ", expanded: " + other);
                    }
                }
            }
        }
        Goldens.report("ModelGoldenTest", folders.size() - failures.size(), folders.size());
        assertThat(failures).isEmpty();
        assertThat(folders).isNotEmpty();
        assertThat(expanded)
                .as("folders whose quantized weights were expanded, too")
                .isPositive();
        assertThat(LiveHandles.count()).isEqualTo(handles);
    }

    /** A model_type that nobody knows is a gap of the registry, which the test names and does not judge. */
    private static boolean isRegistered(Path folder, List<String> unknown) {
        boolean registered = ModelRegistry.knows(ModelFolder.config(folder));
        if (!registered) {
            unknown.add(folder.getFileName().toString());
        }
        return registered;
    }

    private static String check(Path folder, boolean expanded) {
        ModelLoader.Loaded loaded;
        try {
            loaded = ModelLoader.load(folder, ModelFolder.config(folder), null, expanded, null, false);
        } catch (RuntimeException e) {
            return e.toString();
        }
        try (Scope scope = Scope.open()) {
            Map<String, MlxArray> golden = Safetensors.load(folder.resolve("golden.safetensors"));
            int[] prompt = golden.get("prompt").toInts();
            int[] decode = golden.get("decode").toInts();
            float[] logits = golden.get("logits").toFloats();
            float[] steps = golden.get("steps").toFloats();
            int vocabulary = golden.get("logits").dim(2);
            double limit = tolerance(folder, loaded.weights());

            List<LayerCache> layers = loaded.model().newLayers();
            try {
                float[] whole = feed(loaded, layers, prompt, true);
                String bad = compare("prefill", whole, logits, limit);
                int token = argmax(Arrays.copyOfRange(whole, whole.length - vocabulary, whole.length));
                for (int i = 0; i < decode.length && bad == null; i++) {
                    if (token != decode[i]) {
                        return "decoded token " + i + " is " + token + ", golden " + decode[i];
                    }
                    float[] row = feed(loaded, layers, new int[] {token}, true);
                    float[] want = Arrays.copyOfRange(steps, i * vocabulary, (i + 1) * vocabulary);
                    bad = compare("decode step " + i, row, want, limit);
                    token = argmax(row);
                }
                if (bad != null) {
                    return bad;
                }
            } finally {
                layers.forEach(LayerCache::close);
            }
            layers = loaded.model().newLayers();
            try {
                float[] last = null;
                for (int i = 0; i < prompt.length; i += CHUNK) {
                    int[] chunk = Arrays.copyOfRange(prompt, i, Math.min(prompt.length, i + CHUNK));
                    last = feed(loaded, layers, chunk, true);
                }
                float[] row = Arrays.copyOfRange(last, last.length - vocabulary, last.length);
                return compare("chunked", row, golden.get("chunked").toFloats(), limit);
            } finally {
                layers.forEach(LayerCache::close);
            }
        } catch (Exception e) {
            return e.toString();
        } finally {
            loaded.weights().close();
        }
    }

    private static float[] feed(ModelLoader.Loaded loaded, List<LayerCache> layers, int[] tokens, boolean logits) {
        MlxArray result;
        try (Scope scope = Scope.open()) {
            MlxArray hidden = loaded.model().forward(MlxArray.of(tokens, 1, tokens.length), layers);
            result = loaded.model().logits(hidden).detach();
        }
        try (result) {
            return result.toFloats();
        }
    }

    private static String compare(String what, float[] got, float[] want, double limit) {
        if (got.length != want.length) {
            return what + ": " + got.length + " logits, golden has " + want.length;
        }
        double gap = 0;
        for (int i = 0; i < got.length; i++) {
            double d = Math.abs(got[i] - want[i]);
            gap = d <= gap ? gap : d;
        }
        return gap <= limit ? null : what + ": logits differ by " + gap + ", allowed " + limit;
    }

    private static int argmax(float[] row) {
        int best = 0;
        for (int i = 1; i < row.length; i++) {
            best = row[i] > row[best] ? i : best;
        }
        return best;
    }
}
