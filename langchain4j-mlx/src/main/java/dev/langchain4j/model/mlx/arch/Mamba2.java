package dev.langchain4j.model.mlx.arch;

import dev.langchain4j.mlx.Fast;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.model.mlx.kv.LayerCache;
import dev.langchain4j.model.mlx.kv.RecurrentCache;
import dev.langchain4j.model.mlx.kv.Spans;
import dev.langchain4j.model.mlx.model.LanguageModel;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.Weights;
import dev.langchain4j.model.mlx.nn.Decoder;
import dev.langchain4j.model.mlx.nn.Embedding;
import dev.langchain4j.model.mlx.nn.Gating;
import dev.langchain4j.model.mlx.nn.Linear;
import dev.langchain4j.model.mlx.nn.RmsNorm;
import dev.langchain4j.model.mlx.nn.StateSpace;
import java.util.Map;

/** Mamba 2: state spaces in all layers, no attention. Source: mlx-lm's {@code models/mamba2.py}. */
public final class Mamba2 {
    private static final double LAYER_EPS = 1e-5;

    /** Lengths of the parts of a layer. */
    private record Config(int hidden, int heads, int headDim, int groups, int stateSize, int width) {

        static Config of(ModelConfig c) {
            int heads = c.count("num_heads");
            int groups = c.count("n_groups");
            if (heads % groups != 0) {
                throw c.invalid("n_groups", groups, "must divide num_heads (" + heads + ")");
            }
            int width = c.count("conv_kernel");
            if (width < 2) {
                throw c.invalid("conv_kernel", width, "must be at least 2");
            }
            int state = c.has("ssm_state_size") ? c.count("ssm_state_size") : c.count("state_size");
            return new Config(c.count("hidden_size"), heads, c.count("head_dim"), groups, state, width);
        }

        int inner() {
            return heads * headDim;
        }

        int channels() {
            return inner() + 2 * groups * stateSize;
        }
    }

    /** A projection, a short convolution, the state space, a gated norm and a projection back. */
    private record Mixer(
            RmsNorm before,
            Linear in,
            MlxArray kernel,
            MlxArray kernelBias,
            StateSpace space,
            RmsNorm norm,
            Linear out,
            Config config)
            implements Decoder.Layer {

        static Mixer load(ModelConfig c, Weights w, String name, Config s) {
            String mixer = name + ".mixer";
            boolean bias = c.flag("use_bias");
            double[] limits = c.numbers("time_step_limit");
            if (limits == null || limits.length != 2) {
                throw c.invalid("time_step_limit", c.json().get("time_step_limit"), "must be two numbers");
            }
            return new Mixer(
                    RmsNorm.load(w, name + ".norm", s.hidden, LAYER_EPS),
                    Linear.load(w, mixer + ".in_proj", s.hidden, s.inner() + s.channels() + s.heads, bias),
                    w.get(mixer + ".conv1d.weight", s.channels(), s.width, 1),
                    c.flag("use_conv_bias") ? w.get(mixer + ".conv1d.bias", s.channels()) : null,
                    StateSpace.load(w, mixer, s.heads, limits[0], limits[1]),
                    RmsNorm.load(w, mixer + ".norm", s.inner(), c.number("layer_norm_epsilon")),
                    Linear.load(w, mixer + ".out_proj", s.inner(), s.hidden, bias),
                    s);
        }

        @Override
        public MlxArray apply(MlxArray x, Spans spans, int layer) {
            int inner = config.inner();
            MlxArray[] parts = Indexing.splitAt(in.apply(before.apply(x)), -1, inner, inner + config.channels());
            MlxArray y = spans.each(layer, span -> {
                RecurrentCache state = (RecurrentCache) span.cache();
                MlxArray[] xbc = Indexing.splitAt(
                        convolved(state, span.tokens(parts[1]), span.length()),
                        -1,
                        inner,
                        inner + config.groups * config.stateSize);
                StateSpace.Result result = space.run(
                        Indexing.unflatten(xbc[0], -1, config.heads, config.headDim),
                        Indexing.unflatten(xbc[1], -1, config.groups, config.stateSize),
                        Indexing.unflatten(xbc[2], -1, config.groups, config.stateSize),
                        span.tokens(parts[2]),
                        state.matrix(),
                        span.length(),
                        state.wantsEach());
                state.setMatrix(result.states());
                return Indexing.flatten(result.output(), 2, 3);
            });
            MlxArray gated = Gating.SILU.apply(parts[0], y);
            return Ops.add(out.apply(Fast.rmsNorm(gated, norm.weight(), norm.eps())), x);
        }

        private MlxArray convolved(RecurrentCache state, MlxArray inputs, int length) {
            MlxArray all = state.convolution().update(inputs, length);
            MlxArray y = Ops.conv1d(all, kernel, 1, 0, kernel.dim(0));
            return Ops.silu(kernelBias == null ? y : Ops.add(y, kernelBias));
        }

        @Override
        public LayerCache newCache() {
            return new RecurrentCache(config.width);
        }
    }

    private Mamba2() {}

    /** The model. */
    public static LanguageModel create(ModelConfig c, Weights w) {
        Config config = Config.of(c);
        int rows = c.count("vocab_size");
        Embedding embedding = Embedding.load(w, "backbone.embeddings", rows, config.hidden);
        return new Decoder(
                embedding::apply,
                Decoder.layers(c, i -> Mixer.load(c, w, "backbone.layers." + i, config)),
                RmsNorm.load(w, "backbone.norm_f", config.hidden, c.number("layer_norm_epsilon")),
                c.flag("tie_word_embeddings")
                        ? embedding.asLinear()
                        : Linear.load(w, "lm_head", config.hidden, rows, false),
                rows);
    }

    /** Turns the kernels of raw folders, [channels, 1, width]. */
    public static void sanitize(ModelConfig c, Map<String, MlxArray> tensors) {
        tensors.replaceAll((name, a) ->
                name.endsWith("conv1d.weight") && a.dim(-1) != 1 ? Indexing.contiguous(Indexing.moveAxis(a, 2, 1)) : a);
    }
}
