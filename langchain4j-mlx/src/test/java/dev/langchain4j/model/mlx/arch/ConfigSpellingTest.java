package dev.langchain4j.model.mlx.arch;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.model.mlx.kv.LayerCache;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.ModelFolder;
import dev.langchain4j.model.mlx.model.RopeParameters;
import dev.langchain4j.model.mlx.testing.Feed;
import dev.langchain4j.model.mlx.testing.Goldens;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every architecture reads rope parameters in both spellings, with the same logits, and none ignores how they are
 * scaled.
 */
class ConfigSpellingTest {
    private static final int[] TOKENS = new Random(17).ints(30, 0, 160).toArray();
    private static final List<String> BESIDE = List.of("rope_theta", "partial_rotary_factor");

    /** Kinds of positions that somebody's yarn must not replace. */
    private static final Set<String> OWN_KINDS = Set.of("llama3", "longrope", "linear", "dynamic", "proportional");

    /** Architectures whose attention has no positions. */
    private static final Set<String> WITHOUT_POSITIONS = Set.of("nemotron_h", "kimi_linear");

    static List<String> folders() throws IOException {
        try (Stream<Path> all = Files.list(Goldens.folder("models"))) {
            return all.filter(f -> Files.exists(f.resolve("config.json")) && ModelRegistry.knows(ModelFolder.config(f)))
                    .map(f -> f.getFileName().toString())
                    .sorted()
                    .toList();
        }
    }

    private static float[] logits(Path folder, ModelConfig config) {
        long handles = LiveHandles.count();
        float[] row;
        try (MlxThread thread = MlxThread.start("spelling")) {
            row = thread.call(() -> {
                ModelLoader.Loaded loaded = ModelLoader.load(folder, config, DType.FLOAT32, false, null, false);
                List<LayerCache> layers = loaded.model().newLayers();
                try {
                    return Feed.feed(loaded.model(), layers, TOKENS);
                } finally {
                    layers.forEach(LayerCache::close);
                    loaded.weights().close();
                }
            });
        }
        assertThat(LiveHandles.count()).isEqualTo(handles);
        return row;
    }

    /** A copy of config.json, and in it what has the positions. */
    private record Spelled(ObjectNode whole, ObjectNode text, String where) {

        static Spelled of(ModelConfig config) {
            ObjectNode whole = config.json().deepCopy();
            JsonNode text = whole.path("text_config");
            return new Spelled(whole, text.isObject() ? (ObjectNode) text : whole, config.where());
        }

        ModelConfig config() {
            return new ModelConfig(whole, where);
        }

        private boolean isPerLayerType() {
            return text.path("rope_parameters").has("full_attention");
        }

        /** As transformers 4 wrote it. */
        Spelled asFields() {
            JsonNode given = text.remove("rope_parameters");
            if (given != null && given.isObject()) {
                ObjectNode parameters = (ObjectNode) given;
                BESIDE.stream().filter(parameters::has).forEach(name -> text.set(name, parameters.remove(name)));
                if (text.path("rope_scaling").isObject()) {
                    parameters.setAll((ObjectNode) text.get("rope_scaling"));
                }
                if (!parameters.isEmpty()) {
                    text.set("rope_scaling", parameters);
                }
            }
            return this;
        }

        /** As transformers 5 writes it. */
        Spelled asParameters() {
            JsonNode scaling = text.remove("rope_scaling");
            ObjectNode parameters = text.withObjectProperty("rope_parameters");
            if (scaling != null && scaling.isObject()) {
                parameters.setAll((ObjectNode) scaling);
            }
            BESIDE.stream().filter(text::has).forEach(name -> parameters.set(name, text.remove(name)));
            if (!parameters.has("rope_type") && !parameters.has("type")) {
                parameters.put("rope_type", "default");
            }
            return this;
        }

        /** As transformers 5 writes it for models whose layers turn in two ways. */
        Spelled asParametersOfLayerTypes() {
            asParameters();
            JsonNode full = text.remove("rope_parameters");
            ObjectNode parameters = text.putObject("rope_parameters");
            parameters.set("full_attention", full);
            ObjectNode sliding = parameters.putObject("sliding_attention").put("rope_type", "default");
            JsonNode local = text.remove("rope_local_base_freq");
            sliding.set("rope_theta", local);
            return this;
        }
    }

    @ParameterizedTest
    @MethodSource("folders")
    void bothSpellingsGiveTheSameLogits(String name) {
        Path folder = Goldens.folder("models").resolve(name);
        ModelConfig config = ModelFolder.config(folder);
        float[] given = logits(folder, config);
        if (Spelled.of(config).isPerLayerType()) {
            return;
        }
        ModelConfig scaled = scaledOrNull(config);
        assertSame(folder, Spelled.of(config).asFields(), given);
        assertSame(folder, Spelled.of(config).asFields().asParameters(), given);
        if (scaled != null) {
            float[] stretched = logits(folder, scaled);
            assertSame(folder, Spelled.of(scaled).asFields(), stretched);
            assertSame(folder, Spelled.of(scaled).asParameters(), stretched);
        }
        if (Spelled.of(config).text().has("rope_local_base_freq")) {
            assertSame(folder, Spelled.of(config).asParametersOfLayerTypes(), given);
        }
    }

    private static void assertSame(Path folder, Spelled spelled, float[] want) {
        assertThat(Arrays.equals(logits(folder, spelled.config()), want))
                .as("%s spelled %s", folder.getFileName(), spelled.text)
                .isTrue();
    }

    @ParameterizedTest
    @MethodSource("folders")
    void scalingReachesEveryLayerThatTurns(String name) {
        Path folder = Goldens.folder("models").resolve(name);
        ModelConfig config = ModelFolder.config(folder);
        ModelConfig scaled = scaledOrNull(config);
        if (scaled != null) {
            assertThat(Feed.gap(logits(folder, scaled), logits(folder, config))).isGreaterThan(1e-3);
        } else if (knowsNoPositions(Spelled.of(config).text())) {
            Spelled other = Spelled.of(config);
            other.text().put("rope_theta", 7);
            assertSame(folder, other, logits(folder, config));
        }
    }

    private static boolean knowsNoPositions(ObjectNode text) {
        return WITHOUT_POSITIONS.contains(text.path("model_type").asText())
                || text.path("position_embedding_type").asText().equals("nope");
    }

    /** Null where the positions are of a kind that must stay, or there are none. */
    private static ModelConfig scaledOrNull(ModelConfig config) {
        try {
            return ModelRegistry.scaled(config, "yarn", 3, 8);
        } catch (InvalidRequestException e) {
            ObjectNode text = Spelled.of(config).text();
            String kind = Spelled.of(config).isPerLayerType()
                    ? text.at("/rope_parameters/full_attention/rope_type").asText()
                    : RopeParameters.of(new ModelConfig(text, "")).type();
            assertThat(!text.has("num_attention_heads") || OWN_KINDS.contains(kind) || knowsNoPositions(text))
                    .as(e.getMessage())
                    .isTrue();
            return null;
        }
    }
}
