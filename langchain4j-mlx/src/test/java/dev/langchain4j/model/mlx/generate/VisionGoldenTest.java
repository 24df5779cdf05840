package dev.langchain4j.model.mlx.generate;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.mlx.Safetensors;
import dev.langchain4j.mlx.Scope;
import dev.langchain4j.mlx.image.ImageDecoder;
import dev.langchain4j.mlx.image.ImageLimits;
import dev.langchain4j.model.mlx.arch.ModelLoader;
import dev.langchain4j.model.mlx.arch.ModelRegistry;
import dev.langchain4j.model.mlx.kv.LayerCache;
import dev.langchain4j.model.mlx.kv.Sight;
import dev.langchain4j.model.mlx.kv.Spans;
import dev.langchain4j.model.mlx.model.ModelFolder;
import dev.langchain4j.model.mlx.prompt.Prompt;
import dev.langchain4j.model.mlx.testing.Goldens;
import dev.langchain4j.model.mlx.testing.SeeingFolder;
import dev.langchain4j.model.mlx.vision.ImageBudget;
import dev.langchain4j.model.mlx.vision.ImageKey;
import dev.langchain4j.model.mlx.vision.ProcessedImage;
import dev.langchain4j.model.mlx.vision.PromptPictures;
import dev.langchain4j.model.mlx.vision.PromptPictures.Picture;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * Tiny models that see compute what transformers and mlx-vlm compute, from the file of a picture to the tokens behind
 * it: pixels, prompt, positions, features, logits; from the start and resumed behind pictures.
 */
class VisionGoldenTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final double PIXELS = 1e-6;
    /** Of a picture whose decoder may differ from the reference's: levels of a channel. */
    private static final double LEVELS = 3.0 / 255;

    private static final double SMALLEST_DEVIATION = 0.2;
    private static final double NUMBERS = 1e-3;
    private static final double RESUMED = 2e-4;

    private final List<String> failures = new ArrayList<>();
    private int cases;

    @Test
    void everyCaseIsComputedAsTheReferenceDoes() throws Exception {
        long handles = LiveHandles.count();
        TreeSet<String> unknown = new TreeSet<>();
        List<Path> folders;
        try (Stream<Path> all = Files.list(Goldens.folder("vision"))) {
            folders = all.filter(f -> Files.exists(f.resolve("model/config.json")))
                    .sorted()
                    .toList();
        }
        for (Path folder : folders) {
            if (ModelRegistry.knows(ModelFolder.config(folder.resolve("model")))) {
                check(folder);
            } else {
                unknown.add(folder.getFileName().toString());
            }
        }
        if (!unknown.isEmpty()) {
            System.out.println("not registered: " + String.join(", ", unknown));
        }
        Goldens.report("VisionGoldenTest", cases - failures.size(), cases);
        assertThat(failures).isEmpty();
        assertThat(cases).isPositive();
        assertThat(LiveHandles.count()).isEqualTo(handles);
    }

    private void check(Path folder) throws Exception {
        List<Path> all;
        try (Stream<Path> found = Files.list(folder.resolve("cases"))) {
            all = found.filter(f -> Files.exists(f.resolve("case.json")))
                    .sorted()
                    .toList();
        }
        try (MlxThread thread = MlxThread.start("golden");
                SeeingFolder tools = new SeeingFolder(folder.resolve("model"))) {
            thread.run(() -> {
                ModelLoader.Loaded loaded = ModelLoader.load(folder.resolve("model"), null);
                try {
                    for (Path one : all) {
                        cases++;
                        String failure = failureOf(one, loaded, tools);
                        if (failure != null) {
                            failures.add(folder.getFileName() + "/" + one.getFileName() + ": " + failure);
                        }
                    }
                } finally {
                    loaded.weights().close();
                }
            });
        }
    }

    private static String failureOf(Path folder, ModelLoader.Loaded loaded, SeeingFolder tools) {
        try (Scope scope = Scope.open()) {
            JsonNode about = JSON.readTree(folder.resolve("case.json").toFile());
            if (about.has("error")) {
                return refuses(about, tools);
            }
            Map<String, MlxArray> golden = Safetensors.load(folder.resolve("golden.safetensors"));
            new Case(about, golden, loaded, tools).check();
            return null;
        } catch (Exception | AssertionError e) {
            String text = String.valueOf(e.getMessage()).strip();
            return e.getClass().getSimpleName() + ": " + text.lines().limit(12).toList();
        }
    }

    private static String refuses(JsonNode about, SeeingFolder tools) throws IOException {
        try {
            process(about, about.path("images").get(0).asText(), tools);
            return "the picture was not refused: " + about.path("error").asText();
        } catch (InvalidRequestException e) {
            return null;
        }
    }

    private static ProcessedImage process(JsonNode about, String image, SeeingFolder tools) throws IOException {
        byte[] file =
                Files.readAllBytes(Goldens.folder("vision").resolve("images").resolve(image));
        return tools.images().process(ImageDecoder.decode(file, ImageLimits.DEFAULT), ImageBudget.AUTO);
    }

    /** One case, on the thread of the model. */
    private record Case(JsonNode about, Map<String, MlxArray> golden, ModelLoader.Loaded loaded, SeeingFolder tools) {

        void check() throws IOException {
            List<Picture> pictures = new ArrayList<>();
            for (JsonNode image : about.path("images")) {
                ProcessedImage mine = process(about, image.asText(), tools);
                pictures.add(checked(mine, pictures.size(), image.asText().endsWith(".jpg")));
            }
            Prompt prompt = tools.write(about.path("messages"), pictures);
            assertThat(prompt.text()).isEqualTo(about.path("prompt").asText());
            PromptPictures places = prompt.pictures();
            int[] fed = places == null ? prompt.tokens() : places.fed();
            assertThat(fed).as("prompt").containsExactly(golden.get("prompt").toInts());
            try (FeatureCache features = new FeatureCache(loaded.tower(), 1 << 20)) {
                checkPositions(places, features, fed.length);
                checkFeatures(pictures, features);
                checkLogits(places, features, fed);
            }
        }

        /** The picture with the golden's pixels if its own decoder differs by a few levels. */
        private Picture checked(ProcessedImage mine, int index, boolean lossy) {
            MlxArray pixels = golden.get("pixels." + index);
            assertThat(mine.shape()).as("shape of picture " + index).containsExactly(pixels.shape());
            double gap = gap(mine.pixels(), pixels.toFloats());
            assertThat(gap)
                    .as("pixels of picture " + index)
                    .isLessThanOrEqualTo(lossy ? LEVELS / SMALLEST_DEVIATION : PIXELS);
            if (about.has("resized")) {
                JsonNode size = about.path("resized").get(index);
                assertThat(new int[] {mine.height(), mine.width()})
                        .as("size of picture " + index)
                        .containsExactly(size.get(0).asInt(), size.get(1).asInt());
            }
            MlxArray grids = golden.containsKey("grid_thw") ? golden.get("grid_thw") : golden.get("tiles");
            if (grids != null) {
                int width = grids.dim(1);
                int[] grid = Arrays.copyOfRange(grids.toInts(), index * width, (index + 1) * width);
                assertThat(mine.grid()).as("grid of picture " + index).containsExactly(grid);
            }
            ProcessedImage image = lossy
                    ? new ProcessedImage(
                            pixels.toFloats(),
                            mine.shape(),
                            mine.grid(),
                            mine.height(),
                            mine.width(),
                            mine.tokens(),
                            mine.settings())
                    : mine;
            return new Picture(image, ImageKey.of(image));
        }

        private void checkPositions(PromptPictures places, FeatureCache features, int length) {
            if (golden.containsKey("positions") && places != null) {
                try (Seeing seeing = Seeing.of(places, features)) {
                    int[] flat = Stream.of(seeing.axes(0, length))
                            .flatMapToInt(Arrays::stream)
                            .toArray();
                    assertThat(flat)
                            .as("positions")
                            .containsExactly(golden.get("positions").toInts());
                    assertThat(seeing.shift(length))
                            .as("rope_delta")
                            .isEqualTo(golden.get("rope_delta").toInts()[0]);
                }
            }
        }

        private void checkFeatures(List<Picture> pictures, FeatureCache cache) {
            if (pictures.isEmpty()) {
                return;
            }
            List<float[]> rows = new ArrayList<>();
            List<List<float[]>> deepstack = new ArrayList<>();
            for (Picture picture : pictures) {
                try (FeatureCache.Features features = cache.encode(picture)) {
                    rows.add(features.rows().toFloats());
                    for (int i = 0; i < features.deepstack().size(); i++) {
                        if (deepstack.size() <= i) {
                            deepstack.add(new ArrayList<>());
                        }
                        deepstack.get(i).add(features.deepstack().get(i).toFloats());
                    }
                }
            }
            assertNear("features", joined(rows), golden.get("features"), NUMBERS);
            for (int i = 0; i < deepstack.size(); i++) {
                assertNear("deepstack." + i, joined(deepstack.get(i)), golden.get("deepstack." + i), NUMBERS);
            }
            assertThat(golden.containsKey("deepstack." + deepstack.size())).isFalse();
        }

        private void checkLogits(PromptPictures places, FeatureCache features, int[] fed) {
            float[] last = golden.get("last").toFloats();
            int vocabulary = last.length;
            int[] decode = golden.get("decode").toInts();
            float[] steps = golden.get("steps").toFloats();
            List<LayerCache> layers = loaded.model().newLayers();
            try (Seeing seeing = Seeing.of(places, features)) {
                float[] whole = feed(layers, seeing, fed, 0, fed.length);
                if (golden.containsKey("logits")) {
                    assertNear("logits", whole, golden.get("logits"), NUMBERS);
                }
                float[] row = Arrays.copyOfRange(whole, whole.length - vocabulary, whole.length);
                assertNear("last", row, golden.get("last"), NUMBERS);
                if (about.has("prefix")) {
                    float[] resumed = resumed(seeing, fed, about.path("prefix").asInt());
                    assertThat(gap(resumed, row)).as("resumed").isLessThanOrEqualTo(RESUMED);
                }
                for (int i = 0; i < decode.length; i++) {
                    assertThat(argmax(row)).as("token " + i).isEqualTo(decode[i]);
                    row = step(layers, decode[i], seeing.sight(fed.length - 1, fed.length));
                    float[] wanted = Arrays.copyOfRange(steps, i * vocabulary, (i + 1) * vocabulary);
                    assertThat(gap(row, wanted)).as("step " + i).isLessThanOrEqualTo(NUMBERS);
                }
            } finally {
                layers.forEach(LayerCache::close);
            }
        }

        /** The logits of the last token, where the layers had the first tokens before. */
        private float[] resumed(Seeing seeing, int[] fed, int prefix) {
            List<LayerCache> layers = loaded.model().newLayers();
            try {
                feed(layers, seeing, fed, 0, prefix);
                float[] rest = feed(layers, seeing, fed, prefix, fed.length);
                return Arrays.copyOfRange(rest, rest.length - loaded.model().vocabularySize(), rest.length);
            } finally {
                layers.forEach(LayerCache::close);
            }
        }

        private float[] feed(List<LayerCache> layers, Seeing seeing, int[] fed, int start, int end) {
            while (seeing.mustEncode(start, end)) {
                seeing.encode(start, end);
            }
            try (Scope scope = Scope.open()) {
                MlxArray tokens = MlxArray.of(Arrays.copyOfRange(fed, start, end), 1, end - start);
                Spans spans = Spans.of(layers, end - start, seeing.sight(start, end));
                return loaded.model()
                        .logits(loaded.model().forward(tokens, spans))
                        .toFloats();
            }
        }

        private float[] step(List<LayerCache> layers, int token, Sight sight) {
            try (Scope scope = Scope.open()) {
                MlxArray tokens = MlxArray.of(new int[] {token}, 1, 1);
                return loaded.model()
                        .logits(loaded.model().forward(tokens, Spans.of(layers, 1, sight)))
                        .toFloats();
            }
        }
    }

    private static void assertNear(String what, float[] mine, MlxArray golden, double limit) {
        float[] wanted = golden.toFloats();
        assertThat(mine).as(what).hasSameSizeAs(wanted);
        assertThat(gap(mine, wanted)).as(what).isLessThanOrEqualTo(limit);
    }

    private static double gap(float[] mine, float[] wanted) {
        double gap = mine.length == wanted.length ? 0 : Double.POSITIVE_INFINITY;
        for (int i = 0; i < mine.length && gap < Double.POSITIVE_INFINITY; i++) {
            double d = Math.abs(mine[i] - wanted[i]);
            gap = d <= gap ? gap : Double.isNaN(d) ? Double.POSITIVE_INFINITY : d;
        }
        return gap;
    }

    private static float[] joined(List<float[]> parts) {
        int length = parts.stream().mapToInt(part -> part.length).sum();
        float[] all = new float[length];
        int at = 0;
        for (float[] part : parts) {
            System.arraycopy(part, 0, all, at, part.length);
            at += part.length;
        }
        return all;
    }

    private static int argmax(float[] row) {
        int best = 0;
        for (int i = 1; i < row.length; i++) {
            best = row[i] > row[best] ? i : best;
        }
        return best;
    }
}
