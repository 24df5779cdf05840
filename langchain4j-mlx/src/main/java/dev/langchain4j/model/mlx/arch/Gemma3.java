package dev.langchain4j.model.mlx.arch;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.model.mlx.model.LanguageModel;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.TextPart;
import dev.langchain4j.model.mlx.model.Weights;
import dev.langchain4j.model.mlx.nn.Linear;
import dev.langchain4j.model.mlx.nn.PatchGrid;
import dev.langchain4j.model.mlx.nn.RmsNorm;
import dev.langchain4j.model.mlx.vision.ImageFeatures;
import dev.langchain4j.model.mlx.vision.ProcessedImage;
import dev.langchain4j.model.mlx.vision.VisionTower;
import java.util.List;
import java.util.Map;

/**
 * Gemma 3 in a folder with a vision tower. Source: mlx-lm's {@code models/gemma3.py}; for what sees, transformers'
 * {@code models/gemma3/modeling_gemma3.py}.
 */
public final class Gemma3 {
    private static final String PROJECTOR = "multi_modal_projector.";
    private static final String TOKENS = "mm_tokens_per_image";

    private Gemma3() {}

    /** The text part's config. The number of tokens may stand outside of it, and some numbers of heads nowhere. */
    private static ModelConfig text(ModelConfig c) {
        ObjectNode text = TextPart.json(c);
        if (c.has("vocab_size")) {
            text.put("vocab_size", c.count("vocab_size"));
        }
        return TextPart.config(c, text)
                .withDefaults("vocab_size", 262_208, "num_attention_heads", 8, "num_key_value_heads", 4);
    }

    /** The model. */
    public static LanguageModel create(ModelConfig c, Weights w) {
        return Gemma3Text.create(text(c), w);
    }

    /** Keeps the text part. */
    public static void sanitize(ModelConfig c, Map<String, MlxArray> tensors) {
        TextPart.unwrap(c, tensors);
    }

    /** SigLIP, whose patches are averaged over squares, normed and projected. */
    private record Tower(SigLip sigLip, int channels, int pool, RmsNorm norm, Linear projection)
            implements VisionTower {
        @Override
        public ImageFeatures encode(ProcessedImage image) {
            int side = sigLip.side() * sigLip.patch();
            MlxArray patches = sigLip.apply(VisionConfig.pixels(image, channels, side));
            MlxArray grid = Indexing.unflatten(patches, 1, sigLip.side(), sigLip.side());
            MlxArray pooled = Ops.mean(PatchGrid.squares(grid, pool), 2, false);
            return new ImageFeatures(Indexing.squeeze(projection.apply(norm.apply(pooled)), 0), List.of());
        }

        @Override
        public boolean attendsBothWays() {
            return true;
        }
    }

    /** The vision tower and its projector. */
    public static VisionTower tower(ModelConfig c, Weights w) {
        ModelConfig vision = VisionConfig.of(
                c,
                "hidden_size",
                768,
                "intermediate_size",
                3072,
                "num_hidden_layers",
                12,
                "num_attention_heads",
                12,
                "image_size",
                224,
                "patch_size",
                16);
        SigLip sigLip = SigLip.load(vision, w, "vision_tower.vision_model");
        int tokens = c.count(TOKENS, text(c).count(TOKENS, 256));
        int pool = sigLip.side() / (int) Math.sqrt(tokens);
        int across = pool == 0 ? 0 : sigLip.side() / pool;
        if (across * across != tokens) {
            throw c.invalid(TOKENS, tokens, "must be a square that divides " + sigLip.side() + " patches a side");
        }
        int hidden = vision.count("hidden_size");
        int textHidden = text(c).count("hidden_size", 1152);
        MlxArray matrix = w.get(PROJECTOR + "mm_input_projection_weight", hidden, textHidden);
        return new Tower(
                sigLip,
                vision.count("num_channels", 3),
                pool,
                RmsNorm.loadFromOne(w, PROJECTOR + "mm_soft_emb_norm", hidden, vision.number("layer_norm_eps", 1e-6)),
                Linear.of(w, Indexing.transpose(matrix, 1, 0), null));
    }

    /** Brings the tower of a raw folder into the layout of mlx-vlm. */
    public static void sanitizeTower(ModelConfig c, Map<String, MlxArray> tensors) {
        VisionConfig.nameModel(tensors);
        SigLip.sanitize(VisionConfig.of(c), tensors, "vision_tower.vision_model");
    }
}
