package dev.langchain4j.model.mlx.arch;

import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.model.mlx.model.Weights;
import dev.langchain4j.model.mlx.nn.Embedding;
import dev.langchain4j.model.mlx.nn.Gating;
import dev.langchain4j.model.mlx.nn.Linear;
import dev.langchain4j.model.mlx.nn.RmsNorm;

/**
 * The inputs that each layer of Gemma 3n and 4 has for each token: rows of a second embedding, and a projection of the
 * first.
 */
record Gemma4Inputs(Embedding embedding, Linear projection, RmsNorm norm, int hidden, int layers, int width) {

    /** How the input that a layer has for a token gets in. */
    record Gate(Linear gate, Linear projection, RmsNorm behind) {

        static Gate load(Weights w, String name, int hidden, int width, double eps) {
            return new Gate(
                    Linear.load(w, name + ".per_layer_input_gate", hidden, width, false),
                    Linear.load(w, name + ".per_layer_projection", width, hidden, false),
                    RmsNorm.load(w, name + ".post_per_layer_input_norm", hidden, eps));
        }

        /** What is added to the layer's output. */
        MlxArray apply(MlxArray h, MlxArray input) {
            return behind.apply(projection.apply(Gating.GELU_TANH.apply(gate.apply(h), input)));
        }
    }

    static Gemma4Inputs load(Weights w, int rows, int hidden, int layers, int width, double eps) {
        int all = Math.multiplyExact(layers, width);
        return new Gemma4Inputs(
                Embedding.load(w, "model.embed_tokens_per_layer", rows, all),
                Linear.load(w, "model.per_layer_model_projection", hidden, all, false),
                RmsNorm.load(w, "model.per_layer_projection_norm", width, eps),
                hidden,
                layers,
                width);
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

    /** The input of one layer, [1, length, width]. */
    static MlxArray of(MlxArray inputs, int layer) {
        return Indexing.squeeze(Indexing.slice(inputs, 2, layer, layer + 1), 2);
    }
}
