package dev.langchain4j.model.mlx.arch;

import dev.langchain4j.model.mlx.model.LanguageModel;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.RopeParameters;
import dev.langchain4j.model.mlx.model.Weights;
import dev.langchain4j.model.mlx.nn.Attention;
import dev.langchain4j.model.mlx.nn.Attention.Shape;
import dev.langchain4j.model.mlx.nn.Block;
import dev.langchain4j.model.mlx.nn.Decoder;
import dev.langchain4j.model.mlx.nn.FeedForward;
import dev.langchain4j.model.mlx.nn.Mlp;
import dev.langchain4j.model.mlx.nn.Rope;
import dev.langchain4j.model.mlx.nn.Ropes;

/**
 * Phi-3 and Phi-4-mini: queries, keys and values out of one matrix, gate and values of the feed-forward layer out of
 * another, and long contexts by wavelengths that are stretched one by one. Source: mlx-lm's {@code models/phi3.py}.
 */
public final class Phi3 {
    private static final int POSITIONS = 131_072;
    private static final int POSITIONS_AT_FIRST = 4096;
    private static final String ORIGINAL = "original_max_position_embeddings";

    private Phi3() {}

    /** The model. */
    public static LanguageModel create(ModelConfig c, Weights w) {
        Shape shape = Shape.ofEqualHeads(c);
        Rope rope = rope(c, w, shape.headDim());
        return Decoder.load(c, w, false, i -> {
            String name = "model.layers." + i;
            FeedForward mlp = Mlp.loadFused(w, name + ".mlp", shape.hidden(), c.count("intermediate_size"));
            String own = name + ".self_attn";
            Attention attention = Attention.loadFused(w, own + ".qkv_proj", own + ".o_proj", shape, false, false, rope);
            return Block.load(w, name, shape.hidden(), c.number("rms_norm_eps"), attention, mlp);
        });
    }

    /** The positions. Folders of the first models call the same kind of scaling su or yarn. */
    static Rope rope(ModelConfig c, Weights w, int headDim) {
        ModelConfig all = c.withDefaults("max_position_embeddings", POSITIONS);
        if (!RopeParameters.of(all).fields().has(ORIGINAL)) {
            all = all.withDefaults(ORIGINAL, POSITIONS_AT_FIRST);
        }
        RopeParameters positions = RopeParameters.of(all);
        int dims = positions.dims(headDim, 1);
        return positions.fields().has("long_factor")
                ? Ropes.longrope(w, positions, dims, 10_000)
                : Ropes.of(w, positions, dims, 10_000, c.flag("rope_traditional", false));
    }
}
