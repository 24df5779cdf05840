package dev.langchain4j.model.mlx.arch;

import dev.langchain4j.mlx.Compiled;
import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.Fast;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.model.mlx.kv.KvCache;
import dev.langchain4j.model.mlx.kv.LayerCache;
import dev.langchain4j.model.mlx.kv.RecurrentCache;
import dev.langchain4j.model.mlx.kv.Spans;
import dev.langchain4j.model.mlx.model.LanguageModel;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.Part;
import dev.langchain4j.model.mlx.model.RopeParameters;
import dev.langchain4j.model.mlx.model.Shard;
import dev.langchain4j.model.mlx.model.Tensors;
import dev.langchain4j.model.mlx.model.Weights;
import dev.langchain4j.model.mlx.nn.Attention.Shape;
import dev.langchain4j.model.mlx.nn.Block;
import dev.langchain4j.model.mlx.nn.Decoder;
import dev.langchain4j.model.mlx.nn.FeedForward;
import dev.langchain4j.model.mlx.nn.GatedDelta;
import dev.langchain4j.model.mlx.nn.Gating;
import dev.langchain4j.model.mlx.nn.LayerTypes;
import dev.langchain4j.model.mlx.nn.Linear;
import dev.langchain4j.model.mlx.nn.Mlp;
import dev.langchain4j.model.mlx.nn.RmsNorm;
import dev.langchain4j.model.mlx.nn.Rope;
import dev.langchain4j.model.mlx.nn.Ropes;
import dev.langchain4j.model.mlx.nn.Router;
import dev.langchain4j.model.mlx.nn.SparseMlp;
import dev.langchain4j.model.mlx.nn.SwitchMlp;
import java.util.List;
import java.util.Map;
import java.util.function.IntPredicate;

/**
 * Qwen3-Next: linear attention by the gated delta rule, gated attention in every fourth layer, experts of which one is
 * shared. Source: mlx-lm's {@code models/qwen3_next.py}.
 */
public final class Qwen3Next {

    /** Attention whose output is gated by a second half of the queries. */
    record GatedAttention(Linear q, Linear k, Linear v, Linear o, RmsNorm qNorm, RmsNorm kNorm, Shape shape, Rope rope)
            implements Decoder.Layer {

        static GatedAttention load(ModelConfig c, Weights w, String name, Shape s, Rope rope) {
            boolean bias = c.flag("attention_bias", false);
            double eps = c.number("rms_norm_eps");
            int dim = s.headDim();
            Shard shard = s.shard(w, name + ".o_proj");
            Part queries = s.queryHeads(shard).times(dim);
            Part keys = s.keyHeads(shard).times(dim);
            return new GatedAttention(
                    Linear.loadRows(w, name + ".q_proj", s.hidden(), queries.times(2), bias),
                    Linear.loadRows(w, name + ".k_proj", s.hidden(), keys, bias),
                    Linear.loadRows(w, name + ".v_proj", s.hidden(), keys, bias),
                    Linear.loadColumns(w, name + ".o_proj", queries, s.hidden(), bias),
                    RmsNorm.load(w, name + ".q_norm", dim, eps),
                    RmsNorm.load(w, name + ".k_norm", dim, eps),
                    s.on(shard),
                    rope);
        }

        @Override
        public MlxArray apply(MlxArray x, Spans spans, int layer) {
            int dim = shape.headDim();
            MlxArray[] both = Indexing.split(spans.splitHeads(q.apply(x), shape.heads(), 2 * dim), 2, -1);
            MlxArray queries = rope.apply(qNorm.apply(both[0]), spans);
            MlxArray keys = rope.apply(kNorm.apply(spans.splitHeads(k.apply(x), shape.kvHeads(), dim)), spans);
            MlxArray values = spans.splitHeads(v.apply(x), shape.kvHeads(), dim);
            float scale = (float) Math.pow(dim, -0.5);
            MlxArray attended = spans.attend(layer, queries, keys, values, scale, null);
            MlxArray gated = Gating.SIGMOID.apply(both[1], attended);
            return o.apply(spans.joinHeads(gated, shape.heads(), dim));
        }

        @Override
        public LayerCache newCache() {
            return new KvCache();
        }
    }

    /** Linear attention: a short convolution, the gated delta rule, a gated norm. */
    record DeltaNet(
            Projections projections,
            MlxArray kernel,
            MlxArray rate,
            MlxArray dtBias,
            RmsNorm norm,
            Linear out,
            DeltaShape heads)
            implements Decoder.Layer {

        /** silu of the gate times what was normed, in single precision, in the type of what came before the norm. */
        private static final Compiled GATED = Compiled.of(in -> {
            MlxArray normed = Ops.astype(in[1], DType.FLOAT32);
            return Ops.astype(Ops.multiply(Ops.silu(Ops.astype(in[0], DType.FLOAT32)), normed), in[2].dtype());
        });

        /** What goes in: the convolution's [1, length, channels], and gate, beta and decay before their functions. */
        record Inputs(MlxArray qkv, MlxArray gate, MlxArray beta, MlxArray decay) {}

        /** Makes these of a layer's input. */
        interface Projections {
            Inputs of(MlxArray x);
        }

        /** Numbers of heads and their dimensions. */
        record DeltaShape(int keyHeads, int keyDim, int valueHeads, int valueDim, int width) {

            static DeltaShape of(ModelConfig c) {
                int keyHeads = c.count("linear_num_key_heads");
                int valueHeads = c.count("linear_num_value_heads");
                if (valueHeads % keyHeads != 0) {
                    throw c.invalid("linear_num_value_heads", valueHeads, "must be a multiple of linear_num_key_heads");
                }
                return new DeltaShape(
                        keyHeads,
                        c.count("linear_key_head_dim"),
                        valueHeads,
                        c.count("linear_value_head_dim"),
                        c.count("linear_conv_kernel_dim", 4));
            }

            /** The share of the key heads, with the value heads of each, that is loaded here. */
            Shard shard(Weights w, String name) {
                return w.shard(name + ".out_proj", keyHeads, valueHeads / keyHeads * valueDim);
            }

            /** The heads of a share. */
            DeltaShape on(Shard shard) {
                return new DeltaShape(
                        keyParts(shard).length(),
                        keyDim,
                        keyParts(shard).length() * (valueHeads / keyHeads),
                        valueDim,
                        width);
            }

            /** The key heads of a share. */
            Part keyParts(Shard shard) {
                return shard.heads(keyHeads);
            }

            /** The value heads of a share: those of its key heads. */
            Part valueParts(Shard shard) {
                return keyParts(shard).times(valueHeads / keyHeads);
            }

            /** The queries, keys and values of a share, one behind the other. */
            Part channels(Shard shard) {
                Part keys = keyParts(shard).times(keyDim);
                return keys.and(keys).and(valueParts(shard).times(valueDim));
            }

            int keys() {
                return keyHeads * keyDim;
            }

            int values() {
                return valueHeads * valueDim;
            }
        }

        /**
         * The layer of this name.
         *
         * @param projections those of the heads of a share
         */
        static DeltaNet load(ModelConfig c, Weights w, String name, int hidden, DeltaShape h, Projections projections) {
            Shard shard = h.shard(w, name);
            Part heads = h.valueParts(shard);
            return new DeltaNet(
                    projections,
                    w.part(name + ".conv1d.weight", h.channels(shard), Part.all(h.width), Part.all(1)),
                    w.adopt(GatedDelta.rate(w.part(name + ".A_log", heads))),
                    w.part(name + ".dt_bias", heads),
                    RmsNorm.load(w, name + ".norm", h.valueDim, c.number("rms_norm_eps")),
                    Linear.loadColumns(w, name + ".out_proj", heads.times(h.valueDim), hidden, false),
                    h.on(shard));
        }

        @Override
        public MlxArray apply(MlxArray x, Spans spans, int layer) {
            Inputs in = projections.of(x);
            MlxArray logDecay = GatedDelta.logDecay(rate, in.decay, dtBias);
            MlxArray beta = Ops.sigmoid(in.beta);
            MlxArray y = spans.each(layer, span -> {
                RecurrentCache state = (RecurrentCache) span.cache();
                MlxArray all = state.convolution().update(span.tokens(in.qkv), span.length());
                MlxArray mixed = Ops.silu(Ops.conv1d(all, kernel, 1, 0, kernel.dim(0)));
                MlxArray[] qkv = Indexing.splitAt(mixed, -1, heads.keys(), 2 * heads.keys());
                GatedDelta.Result result = GatedDelta.run(
                        GatedDelta.normalizedQueries(Indexing.unflatten(qkv[0], -1, heads.keyHeads, heads.keyDim)),
                        GatedDelta.normalizedKeys(Indexing.unflatten(qkv[1], -1, heads.keyHeads, heads.keyDim)),
                        Indexing.unflatten(qkv[2], -1, heads.valueHeads, heads.valueDim),
                        span.tokens(logDecay),
                        span.tokens(beta),
                        state.matrix(),
                        span.length(),
                        state.wantsEach());
                state.setMatrix(result.matrices());
                return result.output();
            });
            MlxArray gate = Indexing.unflatten(in.gate, -1, heads.valueHeads, heads.valueDim);
            return out.apply(flat(gated(y, gate)));
        }

        private MlxArray gated(MlxArray y, MlxArray gate) {
            return GATED.apply(gate, Fast.rmsNorm(y, norm.weight(), norm.eps()), y);
        }

        static MlxArray flat(MlxArray a) {
            return Indexing.flatten(a, 2, -1);
        }

        @Override
        public LayerCache newCache() {
            return new RecurrentCache(heads.width);
        }
    }

    private Qwen3Next() {}

    /** The model. */
    public static LanguageModel create(ModelConfig c, Weights w) {
        Shape shape = Shape.of(c, c.count("head_dim"));
        int hidden = shape.hidden();
        RopeParameters positions = RopeParameters.of(c);
        Rope rope = Ropes.of(w, positions, positions.dims(shape.headDim(), Double.NaN), Double.NaN, false);
        IntPredicate attends = attends(c);
        double eps = c.number("rms_norm_eps");
        Decoder main = Decoder.load(c, w, false, i -> {
            String name = "model.layers." + i;
            Decoder.Layer attention = attends.test(i)
                    ? GatedAttention.load(c, w, name + ".self_attn", shape, rope)
                    : deltaNet(c, w, name + ".linear_attn", hidden);
            FeedForward mlp = Qwen3Moe.isSparse(c, i)
                    ? experts(c, w, name + ".mlp", hidden, false)
                    : Mlp.load(w, name + ".mlp", hidden, c.count("intermediate_size"));
            return Block.load(w, name, hidden, eps, attention, mlp);
        });
        return MtpHead.qwen(c, w, main, name -> {
            Decoder.Layer attention = GatedAttention.load(c, w, name + ".self_attn", shape, rope);
            return Block.load(w, name, hidden, eps, attention, experts(c, w, name + ".mlp", hidden, false));
        });
    }

    /** The layers of full attention: those that layer_types lists, or else every full_attention_interval-th. */
    static IntPredicate attends(ModelConfig c) {
        List<String> types = LayerTypes.of(c, List.of(LayerTypes.FULL, LayerTypes.LINEAR));
        int interval = c.count("full_attention_interval", 4);
        return i -> types == null ? (i + 1) % interval == 0 : types.get(i).equals(LayerTypes.FULL);
    }

    /** Projections that are mixed by key head: its query, its key, and the values and gates of its group. */
    private static DeltaNet deltaNet(ModelConfig c, Weights w, String name, int hidden) {
        DeltaNet.DeltaShape all = DeltaNet.DeltaShape.of(c);
        Shard shard = all.shard(w, name);
        DeltaNet.DeltaShape h = all.on(shard);
        int dim = h.keyDim();
        int groupValues = h.values() / h.keyHeads();
        Part heads = all.keyParts(shard);
        Linear qkvz = Linear.loadRows(w, name + ".in_proj_qkvz", hidden, heads.times(2 * dim + 2 * groupValues), false);
        Linear ba = Linear.loadRows(
                w, name + ".in_proj_ba", hidden, all.valueParts(shard).times(2), false);
        return DeltaNet.load(c, w, name, hidden, all, x -> {
            MlxArray byHead = Indexing.unflatten(qkvz.apply(x), -1, h.keyHeads(), 2 * dim + 2 * groupValues);
            MlxArray[] p = Indexing.splitAt(byHead, -1, dim, 2 * dim, 2 * dim + groupValues);
            int group = h.valueHeads() / h.keyHeads();
            MlxArray[] mixed = Indexing.split(Indexing.unflatten(ba.apply(x), -1, h.keyHeads(), 2 * group), 2, -1);
            MlxArray qkv = Indexing.concatenate(-1, DeltaNet.flat(p[0]), DeltaNet.flat(p[1]), DeltaNet.flat(p[2]));
            return new DeltaNet.Inputs(qkv, DeltaNet.flat(p[3]), DeltaNet.flat(mixed[0]), DeltaNet.flat(mixed[1]));
        });
    }

    static SparseMlp experts(ModelConfig c, Weights w, String name, int hidden, boolean normalized) {
        return experts(c, w, name, hidden, normalized, Router.Selection.LAST);
    }

    /**
     * Experts, and one that all positions go through as far as a gate lets them.
     *
     * @param normalized whether weights add up to one, if config.json does not say
     */
    static SparseMlp experts(
            ModelConfig c, Weights w, String name, int hidden, boolean normalized, Router.Selection selection) {
        int experts = c.count("num_experts");
        Linear gate = Linear.load(w, name + ".gate", hidden, experts, false);
        Linear sharedGate = Linear.load(w, name + ".shared_expert_gate", hidden, 1, false);
        Mlp shared = Mlp.load(w, name + ".shared_expert", hidden, c.count("shared_expert_intermediate_size"));
        int chosen = Router.chosen(c, experts, c.count("num_experts_per_tok"));
        int inner = c.count("moe_intermediate_size");
        return new SparseMlp(
                Router.topOfSoftmax(gate, chosen, c.flag("norm_topk_prob", normalized), selection),
                SwitchMlp.load(w, name + ".switch_mlp", hidden, inner, experts, false, Gating.SILU),
                new GatedExpert(sharedGate, shared));
    }

    /** An expert that all positions go through as far as a gate lets them. */
    private record GatedExpert(Linear gate, Mlp expert) implements FeedForward {
        @Override
        public MlxArray apply(MlxArray x) {
            return Gating.SIGMOID.apply(gate.apply(x), expert.apply(x));
        }

        @Override
        public MlxArray partial(MlxArray x) {
            MlxArray part = expert.partial(x);
            return part == null ? null : Gating.SIGMOID.apply(gate.apply(x), part);
        }
    }

    /** Stacks the experts of raw folders, turns their kernels, and adds the one that their norms are stored without. */
    public static void sanitize(ModelConfig c, Map<String, MlxArray> tensors) {
        boolean raw = tensors.keySet().stream().anyMatch(name -> name.endsWith(".mlp.experts.0.up_proj.weight"));
        MtpHead.keepQwen(c.integer("num_experts", 0), tensors);
        if (!raw) {
            return;
        }
        Tensors.stackExperts(c, tensors, c.integer("num_experts", 0));
        tensors.replaceAll(Qwen3Next::mended);
    }

    /** A tensor of a raw folder: kernels are turned, norms stored as their distance from one. */
    static MlxArray mended(String name, MlxArray a) {
        if (name.endsWith("conv1d.weight") && a.dim(-1) != 1) {
            return Indexing.contiguous(Indexing.moveAxis(a, 2, 1));
        }
        boolean norm = name.matches(".*(layernorm|model\\.norm|mtp\\.norm|pre_fc_norm_\\w+|[qk]_norm)\\.weight");
        return norm && a.ndim() == 1 ? Ops.add(a, 1) : a;
    }
}
