package dev.langchain4j.model.mlx.arch;

import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.RopeParameters;
import dev.langchain4j.model.mlx.model.Weights;
import dev.langchain4j.model.mlx.nn.Linear;
import dev.langchain4j.model.mlx.nn.PatchAttention;
import dev.langchain4j.model.mlx.nn.PatchEmbedding;
import dev.langchain4j.model.mlx.nn.Projections;
import java.util.Arrays;
import java.util.Map;

/**
 * What vision_config says to Qwen's towers, and the layers that they have in common.
 *
 * @param inner dimensions inside of a feed-forward layer
 * @param side pixels a side of a patch
 * @param merge patches a side of a token
 * @param frames frames of a film in a patch; those of a picture are equal
 * @param theta base of the wavelengths of positions
 */
record QwenVisionConfig(
        ModelConfig config,
        int depth,
        int hidden,
        int inner,
        int heads,
        int out,
        int side,
        int merge,
        int frames,
        int channels,
        double theta) {
    private static final String EMBEDDING = "vision_tower.patch_embed.proj";

    /** The section of config.json, with defaults for what it has not. */
    static QwenVisionConfig of(ModelConfig outer, Object... defaults) {
        ModelConfig c = outer.section("vision_config")
                .withDefaults("num_heads", 16, "in_channels", 3, "spatial_merge_size", 2, "temporal_patch_size", 2)
                .withDefaults("out_hidden_size", 3584)
                .withDefaults(defaults);
        int hidden = c.count("hidden_size");
        int heads = c.count("num_heads");
        if (hidden % (4 * heads) != 0) {
            throw c.invalid("hidden_size", hidden, "must be a multiple of four times num_heads (" + heads + ")");
        }
        int out = c.count("out_hidden_size");
        ModelConfig text = outer.has("text_config") ? outer.section("text_config") : outer;
        if (text.has("hidden_size") && text.count("hidden_size") != out) {
            throw c.invalid("out_hidden_size", out, "must be the text part's hidden_size");
        }
        return new QwenVisionConfig(
                c,
                c.count("depth"),
                hidden,
                c.count("intermediate_size"),
                heads,
                out,
                c.count("patch_size"),
                c.count("spatial_merge_size"),
                c.count("temporal_patch_size"),
                c.count("in_channels"),
                RopeParameters.of(c).theta(10_000));
    }

    /** Brings the tensors of a raw folder into the form that the layers ask for. */
    void sanitize(Map<String, MlxArray> tensors) {
        PatchEmbedding.turn(tensors, EMBEDDING, frames, channels);
    }

    int headDim() {
        return hidden / heads;
    }

    /** Dimensions of the patches of a token together. */
    int merged() {
        return hidden * merge * merge;
    }

    /** Indexes of layers; none where the field is null. */
    int[] layers(String field) {
        double[] numbers = config.numbers(field);
        return numbers == null
                ? new int[0]
                : Arrays.stream(numbers).mapToInt(number -> (int) number).toArray();
    }

    PatchEmbedding embedding(Weights w) {
        return PatchEmbedding.load(w, EMBEDDING, hidden, frames, side, channels);
    }

    PatchAttention attention(Weights w, String name) {
        Linear qkv = linear(w, name + ".qkv", hidden, 3 * hidden);
        Linear o = linear(w, name + ".proj", hidden, hidden);
        return new PatchAttention(heads, headDim(), Projections.fused(qkv, hidden, hidden, hidden), o);
    }

    /** The layer of this name, with a bias if there is one. */
    static Linear linear(Weights w, String name, int in, int out) {
        return Linear.load(w, name, in, out, w.has(name + ".bias"));
    }
}
