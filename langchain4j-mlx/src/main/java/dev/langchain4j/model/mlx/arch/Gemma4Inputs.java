package dev.langchain4j.model.mlx.arch;

import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.Weights;
import dev.langchain4j.model.mlx.nn.Embedding;
import dev.langchain4j.model.mlx.nn.Linear;
import dev.langchain4j.model.mlx.nn.RmsNorm;

/** The inputs that each layer of Gemma 4 has for each token: rows of a second embedding, and a projection of the first. */
record Gemma4Inputs(Embedding embedding, Linear projection, RmsNorm norm, int hidden, int layers, int width) {

    static Gemma4Inputs load(ModelConfig c, Gemma4Config s, Weights w) {
        int all = Math.multiplyExact(s.layers(), s.ownWidth());
        int rows = c.count("vocab_size_per_layer_input", 262_144);
        return new Gemma4Inputs(
                Embedding.load(w, "model.embed_tokens_per_layer", rows, all),
                Linear.load(w, "model.per_layer_model_projection", s.hidden(), all, false),
                RmsNorm.load(w, "model.per_layer_projection_norm", s.ownWidth(), s.eps()),
                s.hidden(),
                s.layers(),
                s.ownWidth());
    }

    /**
     * The inputs.
     *
     * @param tokens [1, length]
     * @param embedded what the first layer gets, [1, length, hidden size]
     * @return [1, length, layers, width]
     */
    MlxArray apply(MlxArray tokens, MlxArray embedded) {
        MlxArray rows = Ops.multiply(embedding.apply(tokens), Math.sqrt(width));
        MlxArray projected = Ops.multiply(projection.apply(embedded), Math.pow(hidden, -0.5));
        MlxArray normed = norm.apply(Indexing.unflatten(projected, -1, layers, width));
        return Ops.multiply(Ops.add(normed, Indexing.unflatten(rows, -1, layers, width)), Math.sqrt(0.5));
    }
}
