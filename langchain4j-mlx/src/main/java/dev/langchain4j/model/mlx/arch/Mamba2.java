package dev.langchain4j.model.mlx.arch;

import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.model.mlx.model.LanguageModel;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.Tensors;
import dev.langchain4j.model.mlx.model.Weights;
import dev.langchain4j.model.mlx.nn.Decoder;
import dev.langchain4j.model.mlx.nn.Embedding;
import dev.langchain4j.model.mlx.nn.Linear;
import dev.langchain4j.model.mlx.nn.Residual;
import dev.langchain4j.model.mlx.nn.RmsNorm;
import dev.langchain4j.model.mlx.nn.StateSpaceMixer;
import dev.langchain4j.model.mlx.nn.StateSpaceMixer.Biases;
import dev.langchain4j.model.mlx.nn.StateSpaceMixer.Shape;
import java.util.Map;

/** Mamba 2: state spaces in all layers, no attention. Source: mlx-lm's {@code models/mamba2.py}. */
public final class Mamba2 {
    private static final double LAYER_EPS = 1e-5;

    private Mamba2() {}

    /** The model. */
    public static LanguageModel create(ModelConfig c, Weights w) {
        String stateSize = c.has("ssm_state_size") ? "ssm_state_size" : "state_size";
        Shape shape = Shape.of(c, "num_heads", "head_dim", "n_groups", stateSize, "conv_kernel");
        int rows = c.count("vocab_size");
        int hidden = shape.hidden();
        Embedding embedding = Embedding.load(w, "backbone.embeddings", rows, hidden);
        return new Decoder(
                embedding::apply,
                Decoder.layers(w, c, i -> layer(c, w, "backbone.layers." + i, shape)),
                RmsNorm.load(w, "backbone.norm_f", hidden, c.number("layer_norm_epsilon")),
                c.flag("tie_word_embeddings") ? embedding.asLinear() : Linear.load(w, "lm_head", hidden, rows, false),
                rows);
    }

    private static Residual layer(ModelConfig c, Weights w, String name, Shape s) {
        String mixer = name + ".mixer";
        boolean bias = c.flag("use_bias");
        return Residual.of(
                RmsNorm.load(w, name + ".norm", s.hidden(), LAYER_EPS),
                StateSpaceMixer.load(
                        c,
                        w,
                        mixer,
                        s,
                        new Biases(bias, c.flag("use_conv_bias"), bias),
                        StateSpaceMixer.gatedNorm(w, mixer + ".norm", s, c.number("layer_norm_epsilon"))));
    }

    /** Turns the kernels of raw folders. */
    public static void sanitize(ModelConfig c, Map<String, MlxArray> tensors) {
        Tensors.turnKernels(tensors);
    }
}
