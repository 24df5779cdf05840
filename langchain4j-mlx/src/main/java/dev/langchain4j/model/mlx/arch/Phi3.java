package dev.langchain4j.model.mlx.arch;

import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.model.mlx.kv.KvCache;
import dev.langchain4j.model.mlx.kv.LayerCache;
import dev.langchain4j.model.mlx.kv.Spans;
import dev.langchain4j.model.mlx.model.LanguageModel;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.RopeParameters;
import dev.langchain4j.model.mlx.model.Weights;
import dev.langchain4j.model.mlx.nn.Attention.Shape;
import dev.langchain4j.model.mlx.nn.Block;
import dev.langchain4j.model.mlx.nn.Decoder;
import dev.langchain4j.model.mlx.nn.FeedForward;
import dev.langchain4j.model.mlx.nn.Linear;
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

    private record FusedAttention(Linear qkv, Linear o, Shape shape, Rope rope) implements Decoder.Layer {

        static FusedAttention load(Weights w, String name, Shape s, Rope rope) {
            int width = (s.heads() + 2 * s.kvHeads()) * s.headDim();
            return new FusedAttention(
                    Linear.load(w, name + ".qkv_proj", s.hidden(), width, false),
                    Linear.load(w, name + ".o_proj", s.heads() * s.headDim(), s.hidden(), false),
                    s,
                    rope);
        }

        @Override
        public MlxArray apply(MlxArray x, Spans spans, int layer) {
            int dim = shape.headDim();
            int keysFrom = shape.heads() * dim;
            int valuesFrom = keysFrom + shape.kvHeads() * dim;
            MlxArray[] parts = Indexing.splitAt(qkv.apply(x), -1, keysFrom, valuesFrom);
            int[] positions = spans.positionsOfHeads();
            MlxArray queries = rope.apply(spans.splitHeads(parts[0], shape.heads(), dim), positions);
            MlxArray keys = rope.apply(spans.splitHeads(parts[1], shape.kvHeads(), dim), positions);
            MlxArray values = spans.splitHeads(parts[2], shape.kvHeads(), dim);
            float scale = (float) Math.pow(dim, -0.5);
            MlxArray attended = spans.attend(layer, queries, keys, values, scale, null);
            return o.apply(spans.joinHeads(attended, shape.heads(), dim));
        }

        @Override
        public LayerCache newCache() {
            return new KvCache();
        }
    }

    private Phi3() {}

    /** The model. */
    public static LanguageModel create(ModelConfig c, Weights w) {
        Shape shape = Shape.ofEqualHeads(c);
        Rope rope = rope(c, w, shape.headDim());
        return Decoder.load(c, w, false, i -> {
            String name = "model.layers." + i;
            FeedForward mlp = Mlp.loadFused(w, name + ".mlp", shape.hidden(), c.count("intermediate_size"));
            FusedAttention attention = FusedAttention.load(w, name + ".self_attn", shape, rope);
            return Block.load(w, name, shape.hidden(), c.number("rms_norm_eps"), attention, mlp);
        });
    }

    /** Folders of the first models call the same kind of scaling su or yarn. */
    private static Rope rope(ModelConfig c, Weights w, int headDim) {
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
