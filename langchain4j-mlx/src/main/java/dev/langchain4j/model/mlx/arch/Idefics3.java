package dev.langchain4j.model.mlx.arch;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.model.mlx.model.LanguageModel;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.TextPart;
import dev.langchain4j.model.mlx.model.Weights;
import dev.langchain4j.model.mlx.nn.Linear;
import dev.langchain4j.model.mlx.nn.PatchGrid;
import dev.langchain4j.model.mlx.vision.ImageFeatures;
import dev.langchain4j.model.mlx.vision.ProcessedImage;
import dev.langchain4j.model.mlx.vision.VisionTower;
import java.util.List;
import java.util.Map;

/**
 * Idefics 3 and SmolVLM: Llama, and SigLIP over the tiles of a picture, of which squares of patches become one token.
 * Source: mlx-vlm's {@code models/idefics3}, and transformers' {@code models/idefics3/modeling_idefics3.py} for places
 * of patches.
 */
public final class Idefics3 {
    private static final String TIED = "tie_word_embeddings";
    private static final String TOWER = "vision_model";

    private Idefics3() {}

    /** The text part's config with transformers' defaults of Llama. */
    private static ModelConfig text(ModelConfig c) {
        ObjectNode text = TextPart.jsonOrEmpty(c);
        if (!text.has("vocab_size") && c.has("vocab_size")) {
            text.put("vocab_size", c.count("vocab_size"));
        }
        if (!text.has(TIED)) {
            text.put(TIED, c.flag(TIED, false));
        }
        return TextPart.config(c, text)
                .withDefaults(
                        "hidden_size",
                        4096,
                        "intermediate_size",
                        11_008,
                        "num_hidden_layers",
                        32,
                        "num_attention_heads",
                        32,
                        "vocab_size",
                        32_000,
                        "rms_norm_eps",
                        1e-5);
    }

    /** The language model. */
    public static LanguageModel create(ModelConfig c, Weights w) {
        ModelConfig text = text(c);
        String type = text.text("model_type", "llama");
        if (!List.of("llama", "idefics3").contains(ModelRegistry.canonical(type))) {
            throw text.invalid("model_type", type, "must be llama or mistral");
        }
        return Llama.llama(text, w);
    }

    /** Keeps the text part, without a copy of the embedding where that is the head. */
    public static void sanitize(ModelConfig c, Map<String, MlxArray> tensors) {
        TextPart.unwrap(c, tensors);
        for (String name : List.copyOf(tensors.keySet())) {
            String bare = name.startsWith("model.") ? name.substring("model.".length()) : name;
            if (bare.startsWith("text_model.")) {
                tensors.put("model." + bare.substring("text_model.".length()), tensors.remove(name));
            }
        }
        if (text(c).flag(TIED)) {
            tensors.keySet().removeIf(name -> name.startsWith("lm_head."));
        }
    }

    /** SigLIP, whose patches are put together square by square and projected. */
    private record Tower(SigLip sigLip, int channels, int factor, Linear projection) implements VisionTower {
        @Override
        public ImageFeatures encode(ProcessedImage image) {
            MlxArray pixels = VisionConfig.pixels(image, channels, factor * sigLip.patch());
            MlxArray patches = sigLip.apply(pixels);
            MlxArray grid =
                    Indexing.unflatten(patches, 1, pixels.dim(2) / sigLip.patch(), pixels.dim(3) / sigLip.patch());
            MlxArray shuffled = Indexing.flatten(PatchGrid.squares(grid, factor), 2, 3);
            return new ImageFeatures(Indexing.flatten(projection.apply(shuffled), 0, 1), List.of());
        }
    }

    /** The vision tower and what connects it. */
    public static VisionTower tower(ModelConfig c, Weights w) {
        ModelConfig vision = VisionConfig.of(
                c,
                "hidden_size",
                1152,
                "intermediate_size",
                3072,
                "num_hidden_layers",
                12,
                "num_attention_heads",
                16,
                "image_size",
                224,
                "patch_size",
                32);
        int factor = c.count("scale_factor", 2);
        int in = Math.multiplyExact(vision.count("hidden_size"), Math.multiplyExact(factor, factor));
        int out = text(c).count("hidden_size");
        return new Tower(
                SigLip.load(vision, w, TOWER),
                vision.count("num_channels", 3),
                factor,
                Linear.load(w, "connector.modality_projection.proj", in, out, false));
    }

    /** Brings the tower of a raw folder into the layout of mlx-vlm. */
    public static void sanitizeTower(ModelConfig c, Map<String, MlxArray> tensors) {
        SigLip.sanitize(VisionConfig.of(c), tensors, TOWER);
    }
}
