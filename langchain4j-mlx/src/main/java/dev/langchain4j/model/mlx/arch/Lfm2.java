package dev.langchain4j.model.mlx.arch;

import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.model.mlx.kv.LayerCache;
import dev.langchain4j.model.mlx.kv.ShortConvCache;
import dev.langchain4j.model.mlx.kv.Spans;
import dev.langchain4j.model.mlx.model.LanguageModel;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.RopeParameters;
import dev.langchain4j.model.mlx.model.Weights;
import dev.langchain4j.model.mlx.nn.Attention;
import dev.langchain4j.model.mlx.nn.Attention.Shape;
import dev.langchain4j.model.mlx.nn.Block;
import dev.langchain4j.model.mlx.nn.Decoder;
import dev.langchain4j.model.mlx.nn.Embedding;
import dev.langchain4j.model.mlx.nn.FeedForward;
import dev.langchain4j.model.mlx.nn.Gating;
import dev.langchain4j.model.mlx.nn.LayerTypes;
import dev.langchain4j.model.mlx.nn.Linear;
import dev.langchain4j.model.mlx.nn.Mlp;
import dev.langchain4j.model.mlx.nn.Projections;
import dev.langchain4j.model.mlx.nn.RmsNorm;
import dev.langchain4j.model.mlx.nn.Rope;
import dev.langchain4j.model.mlx.nn.Ropes;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.IntFunction;
import java.util.function.IntPredicate;

/**
 * LFM2: gated short convolutions, and attention in some layers. Source: mlx-lm's {@code models/lfm2.py}.
 */
public final class Lfm2 {

    /** A convolution over the last few positions, gated before and behind. */
    private record ShortConv(Linear in, MlxArray kernel, MlxArray bias, Linear out, int width)
            implements Decoder.Layer {

        static ShortConv load(ModelConfig c, Weights w, String name, int hidden) {
            int width = c.count("conv_L_cache");
            if (width < 2) {
                throw c.invalid("conv_L_cache", width, "must be at least 2");
            }
            boolean bias = c.flag("conv_bias", false);
            return new ShortConv(
                    Linear.load(w, name + ".in_proj", hidden, 3 * hidden, bias),
                    w.get(name + ".conv.weight", hidden, width, 1),
                    bias ? w.get(name + ".conv.bias", hidden) : null,
                    Linear.load(w, name + ".out_proj", hidden, hidden, bias),
                    width);
        }

        @Override
        public MlxArray apply(MlxArray x, Spans spans, int layer) {
            MlxArray[] parts = Indexing.split(in.apply(x), 3, -1);
            MlxArray gated = Ops.multiply(parts[0], parts[2]);
            MlxArray y = spans.each(layer, span -> {
                MlxArray inputs = ((ShortConvCache) span.cache()).update(span.tokens(gated), span.length());
                return Ops.conv1d(inputs, kernel, 1, 0, kernel.dim(0));
            });
            return out.apply(Ops.multiply(parts[1], bias == null ? y : Ops.add(y, bias)));
        }

        @Override
        public LayerCache newCache() {
            return new ShortConvCache(width);
        }
    }

    private Lfm2() {}

    /** The model. Its head is the embedding. */
    public static LanguageModel create(ModelConfig c, Weights w) {
        return create(c, w, i -> feedForward(c, w, "model.layers." + i + ".feed_forward"));
    }

    /** The model with what {@code feedForward} gives for each layer. */
    static LanguageModel create(ModelConfig c, Weights w, IntFunction<FeedForward> feedForward) {
        Shape shape = Shape.ofEqualHeads(c);
        int hidden = shape.hidden();
        int rows = c.count("vocab_size");
        Rope rope = Ropes.of(w, RopeParameters.of(c), shape.headDim(), 1e6, false);
        IntPredicate attends = attends(c);
        double eps = c.number("norm_eps");
        Embedding embedding = Embedding.load(w, "model.embed_tokens", rows, hidden);
        return new Decoder(
                embedding::apply,
                Decoder.layers(w, c, i -> {
                    String name = "model.layers." + i;
                    Decoder.Layer operator = attends.test(i)
                            ? attention(w, name + ".self_attn", shape, rope, eps)
                            : ShortConv.load(c, w, name + ".conv", hidden);
                    return new Block(
                            RmsNorm.load(w, name + ".operator_norm", hidden, eps),
                            operator,
                            null,
                            RmsNorm.load(w, name + ".ffn_norm", hidden, eps),
                            feedForward.apply(i),
                            null);
                }),
                RmsNorm.load(w, "model.embedding_norm", hidden, eps),
                embedding.asLinear(),
                rows);
    }

    private static IntPredicate attends(ModelConfig c) {
        double[] indices = c.numbers("full_attn_idxs");
        List<String> types = c.texts("layer_types");
        if (indices == null && (types == null || types.size() != c.count("num_hidden_layers"))) {
            throw c.invalid("layer_types", types, "must have one entry for each layer, or full_attn_idxs must be set");
        }
        return indices == null
                ? i -> types.get(i).equals(LayerTypes.FULL)
                : i -> Arrays.stream(indices).anyMatch(index -> index == i);
    }

    private static Attention attention(Weights w, String name, Shape s, Rope rope, double eps) {
        int dim = s.headDim();
        Linear out = Linear.load(w, name + ".out_proj", s.heads() * dim, s.hidden(), false);
        return Attention.of(
                        s,
                        Projections.load(
                                w,
                                s.hidden(),
                                false,
                                List.of(name + ".q_proj", name + ".k_proj", name + ".v_proj"),
                                s.widths()),
                        out,
                        rope,
                        rope)
                .withHeadNorms(
                        RmsNorm.load(w, name + ".q_layernorm", dim, eps),
                        RmsNorm.load(w, name + ".k_layernorm", dim, eps));
    }

    private static Mlp feedForward(ModelConfig c, Weights w, String name) {
        int outer = c.count("block_dim", c.count("hidden_size"));
        int inner = inner(c);
        return new Mlp(
                Projections.load(w, outer, false, List.of(name + ".w1", name + ".w3"), inner, inner),
                Linear.load(w, name + ".w2", inner, outer, false),
                Gating.SILU);
    }

    private static int inner(ModelConfig c) {
        int inner = c.has("block_ff_dim") ? c.count("block_ff_dim") : c.count("intermediate_size");
        if (!c.flag("block_auto_adjust_ff_dim", false)) {
            return inner;
        }
        int adjusted = (int) (c.number("block_ffn_dim_multiplier", 1) * (2L * inner / 3));
        int multiple = c.count("block_multiple_of", 1);
        return Math.ceilDiv(adjusted, multiple) * multiple;
    }

    /** Turns the kernels of raw folders, [channels, 1, width]. */
    public static void sanitize(ModelConfig c, Map<String, MlxArray> tensors) {
        tensors.replaceAll((name, a) -> name.endsWith("conv.weight") && a.ndim() == 3 && a.dim(-1) > a.dim(1)
                ? Indexing.contiguous(Indexing.transpose(a, 0, 2, 1))
                : a);
        tensors.keySet().removeIf(name -> name.startsWith("lm_head."));
    }
}
