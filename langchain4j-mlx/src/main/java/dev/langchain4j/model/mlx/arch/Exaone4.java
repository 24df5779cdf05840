package dev.langchain4j.model.mlx.arch;

import dev.langchain4j.model.mlx.model.LanguageModel;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.RopeParameters;
import dev.langchain4j.model.mlx.model.Weights;
import dev.langchain4j.model.mlx.nn.Attention;
import dev.langchain4j.model.mlx.nn.Attention.Shape;
import dev.langchain4j.model.mlx.nn.Block;
import dev.langchain4j.model.mlx.nn.Decoder;
import dev.langchain4j.model.mlx.nn.LayerTypes;
import dev.langchain4j.model.mlx.nn.Mlp;
import dev.langchain4j.model.mlx.nn.RmsNorm;
import dev.langchain4j.model.mlx.nn.Rope;
import dev.langchain4j.model.mlx.nn.Ropes;
import java.util.List;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;

/**
 * EXAONE 4: norms behind attention and the feed-forward layer, and on each head of queries and keys. Where some layers
 * attend to a window, only those have positions. Source: mlx-lm's {@code models/exaone4.py}.
 */
public final class Exaone4 {
    private static final String PATTERN = "sliding_window_pattern";

    private Exaone4() {}

    /** The model. */
    public static LanguageModel create(ModelConfig c, Weights w) {
        c.count("head_dim");
        Shape shape = Shape.of(c, 0);
        int layers = c.count("num_hidden_layers");
        Rope rope = Ropes.of(w, RopeParameters.of(c), shape.headDim(), Double.NaN, false);
        IntPredicate slides = slides(c, layers);
        boolean any = IntStream.range(0, layers).anyMatch(slides);
        return Decoder.load(c, w, false, i -> {
            boolean window = slides.test(i);
            Rope positions = window || !any ? rope : Rope.NONE;
            return block(c, w, "model.layers." + i, shape, positions, window ? c.count("sliding_window") : 0);
        });
    }

    private static Block block(ModelConfig c, Weights w, String name, Shape shape, Rope rope, int window) {
        int hidden = shape.hidden();
        double eps = c.number("rms_norm_eps");
        Attention attention = Attention.load(w, name + ".self_attn", shape, false, false, rope)
                .withHeadNorms(
                        RmsNorm.load(w, name + ".self_attn.q_norm", shape.headDim(), eps),
                        RmsNorm.load(w, name + ".self_attn.k_norm", shape.headDim(), eps))
                .withWindow(window);
        return new Block(
                null,
                attention,
                RmsNorm.load(w, name + ".post_attention_layernorm", hidden, eps),
                null,
                Mlp.load(w, name + ".mlp", hidden, c.count("intermediate_size")),
                RmsNorm.load(w, name + ".post_feedforward_layernorm", hidden, eps));
    }

    /**
     * Layers that layer_types lists, or those with an L in the pattern, or all but every n-th; none without a window.
     */
    private static IntPredicate slides(ModelConfig c, int layers) {
        List<String> types = LayerTypes.of(c, layers, List.of(LayerTypes.FULL, LayerTypes.SLIDING));
        if (types != null) {
            return i -> types.get(i).equals(LayerTypes.SLIDING);
        }
        if (!c.has(PATTERN) || !c.has("sliding_window")) {
            return i -> false;
        }
        if (!c.json().get(PATTERN).isTextual()) {
            return LayerTypes.slides(c, layers, 1);
        }
        String pattern = c.text(PATTERN);
        if (!pattern.matches("[LG]+")) {
            throw c.invalid(PATTERN, pattern, "must be letters L (a window) and G (the whole context), or a number");
        }
        return i -> pattern.charAt(i % pattern.length()) == 'L';
    }
}
