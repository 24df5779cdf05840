package dev.langchain4j.model.mlx.arch;

import dev.langchain4j.model.mlx.model.LanguageModel;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.RopeParameters;
import dev.langchain4j.model.mlx.model.Weights;
import dev.langchain4j.model.mlx.nn.Attention;
import dev.langchain4j.model.mlx.nn.Attention.Shape;
import dev.langchain4j.model.mlx.nn.Block;
import dev.langchain4j.model.mlx.nn.Decoder;
import dev.langchain4j.model.mlx.nn.Embedding;
import dev.langchain4j.model.mlx.nn.Gating;
import dev.langchain4j.model.mlx.nn.Linear;
import dev.langchain4j.model.mlx.nn.Mlp;
import dev.langchain4j.model.mlx.nn.Projections;
import dev.langchain4j.model.mlx.nn.RmsNorm;
import dev.langchain4j.model.mlx.nn.Rope;
import dev.langchain4j.model.mlx.nn.Ropes;
import java.util.List;

/** EXAONE 3 and 3.5: Llama with names of its own. Source: mlx-lm's {@code models/exaone.py}. */
public final class Exaone {
    private Exaone() {}

    /** The model. */
    public static LanguageModel create(ModelConfig c, Weights w) {
        Shape shape = Shape.of(c, 0);
        int hidden = shape.hidden();
        int rows = c.count("vocab_size");
        boolean traditional = c.flag("rope_traditional", false);
        Rope rope = Ropes.of(w, RopeParameters.of(c), shape.headDim(), Double.NaN, traditional);
        Embedding embedding = Embedding.load(w, "transformer.wte", rows, hidden);
        Linear head = c.flag("tie_word_embeddings", true)
                ? embedding.asLinear()
                : Linear.load(w, "lm_head", hidden, rows, false);
        return new Decoder(
                embedding::apply,
                Decoder.layers(w, c.count("num_layers"), i -> block(c, w, "transformer.h." + i, shape, rope)),
                RmsNorm.load(w, "transformer.ln_f", hidden, c.number("layer_norm_epsilon")),
                head,
                rows);
    }

    private static Block block(ModelConfig c, Weights w, String name, Shape s, Rope rope) {
        int hidden = s.hidden();
        int inner = c.count("intermediate_size");
        double eps = c.number("layer_norm_epsilon");
        boolean bias = c.flag("attention_bias", false);
        boolean mlpBias = c.flag("mlp_bias", false);
        String own = name + ".attn.attention";
        return new Block(
                RmsNorm.load(w, name + ".ln_1", hidden, eps),
                Attention.of(
                        s,
                        Projections.load(
                                w,
                                hidden,
                                bias,
                                List.of(own + ".q_proj", own + ".k_proj", own + ".v_proj"),
                                s.widths()),
                        Linear.load(w, own + ".out_proj", s.heads() * s.headDim(), hidden, bias),
                        rope,
                        rope),
                null,
                RmsNorm.load(w, name + ".ln_2", hidden, eps),
                new Mlp(
                        Projections.load(
                                w, hidden, mlpBias, List.of(name + ".mlp.c_fc_0", name + ".mlp.c_fc_1"), inner, inner),
                        Linear.load(w, name + ".mlp.c_proj", inner, hidden, mlpBias),
                        Gating.SILU),
                null);
    }
}
