package dev.langchain4j.model.mlx.arch;

import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.mlx.Compiled;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.RopeParameters;
import dev.langchain4j.model.mlx.model.Weights;
import dev.langchain4j.model.mlx.nn.Attention.Shape;
import dev.langchain4j.model.mlx.nn.Gating;
import dev.langchain4j.model.mlx.nn.LayerTypes;
import dev.langchain4j.model.mlx.nn.Rope;
import dev.langchain4j.model.mlx.nn.Ropes;
import dev.langchain4j.model.mlx.nn.SharingAttention;
import java.util.Arrays;
import java.util.List;

/**
 * What config.json of Gemma 3n says.
 *
 * @param inner lengths of the feed-forward layers
 * @param sparsity part of each feed-forward layer's gates that is zero; 0 for none
 * @param ownRows tokens that have an input of their own for each layer
 * @param ownWidth length of a layer's own input for a token
 * @param active the stream that layers work on
 * @param coefficientMax what coefficients of predictions and corrections are limited to; 0 for no limit
 * @param cap what logits are limited to; 0 for no limit
 */
record Gemma3nConfig(
        Shape shape,
        int layers,
        double[] inner,
        double[] sparsity,
        int rows,
        int ownRows,
        int ownWidth,
        int shared,
        int window,
        List<String> types,
        int streams,
        int active,
        double coefficientMax,
        boolean correctsScale,
        int laurelRank,
        double eps,
        double cap) {

    static Gemma3nConfig of(ModelConfig c) {
        int layers = c.count("num_hidden_layers");
        int shared = c.integer("num_kv_shared_layers", 0);
        if (shared < 0 || shared >= layers) {
            throw c.invalid("num_kv_shared_layers", shared, "must be less than num_hidden_layers (" + layers + ")");
        }
        List<String> types = LayerTypes.of(c, layers, List.of(LayerTypes.FULL, LayerTypes.SLIDING));
        if (types == null) {
            throw c.invalid("layer_types", null, "must be set");
        }
        int streams = c.count("altup_num_inputs");
        int active = c.integer("altup_active_idx");
        if (streams < 2 || streams > 64 || active < 0 || active >= streams) {
            throw c.invalid("altup_num_inputs", streams, "must be from 2 to 64, and more than altup_active_idx");
        }
        Gemma3nConfig config = new Gemma3nConfig(
                Shape.of(c, 0),
                layers,
                perLayer(c, "intermediate_size", layers, null),
                perLayer(c, "activation_sparsity_pattern", layers, new double[] {0}),
                c.count("vocab_size"),
                c.count("vocab_size_per_layer_input"),
                c.count("hidden_size_per_layer_input"),
                shared,
                c.count("sliding_window"),
                types,
                streams,
                active,
                c.number("altup_coef_clip", 0),
                c.flag("altup_correct_scale"),
                c.count("laurel_rank"),
                c.number("rms_norm_eps"),
                c.number("final_logit_softcapping", 0));
        if (Arrays.stream(config.sparsity).anyMatch(part -> part < 0 || part >= 1)) {
            throw c.invalid(
                    "activation_sparsity_pattern",
                    c.json().get("activation_sparsity_pattern"),
                    "must be at least 0 and less than 1");
        }
        for (int i = config.firstShared(); i < layers; i++) {
            config.sharedWith(i);
        }
        return config;
    }

    /** A number for each layer, where config.json has a list of them or one for all. */
    private static double[] perLayer(ModelConfig c, String name, int layers, double[] otherwise) {
        double[] given = c.has(name) || otherwise == null ? c.numbers(name) : otherwise;
        if (given == null || given.length != 1 && given.length != layers) {
            throw c.invalid(name, c.json().get(name), "must be a number, or one for each of " + layers + " layers");
        }
        double[] each = given.length == layers ? given : new double[layers];
        if (each != given) {
            Arrays.fill(each, given[0]);
        }
        return each;
    }

    int hidden() {
        return shape.hidden();
    }

    int inner(int layer) {
        return (int) inner[layer];
    }

    /** The first layer without keys and values of its own. */
    int firstShared() {
        return layers - shared;
    }

    boolean slides(int layer) {
        return types.get(layer).equals(LayerTypes.SLIDING);
    }

    /** The layer whose keys and values this one attends to. */
    int sharedWith(int layer) {
        int found = SharingAttention.owner(types, firstShared(), layer);
        if (found < 0) {
            throw new InvalidRequestException("layer_types (" + types + ") has no " + types.get(layer)
                    + " layer before the " + shared + " that share keys and values");
        }
        return found;
    }

    /** Whether later layers attend to the keys and values of this one. */
    boolean lends(int layer) {
        return types.subList(firstShared(), layers).contains(types.get(layer)) && sharedWith(layer) == layer;
    }

    /** The positions of one kind of layers. */
    Rope rope(ModelConfig c, Weights w, boolean sliding) {
        return sliding
                ? Ropes.of(w, RopeParameters.ofSliding(c, LayerTypes.SLIDING), shape.headDim(), 10_000, false)
                : Ropes.of(w, RopeParameters.ofFull(c, LayerTypes.FULL), shape.headDim(), 1e6, false);
    }

    private static final Compiled SQUARED_DISTANCE = Compiled.of(in -> Ops.square(Ops.subtract(in[0], in[1])));

    /** By how much a gate is more than so many deviations above the mean; 0 if it is not. */
    private static final Compiled FAR_ABOVE = Compiled.of(in -> {
        MlxArray from = Ops.add(in[1], Ops.multiply(Ops.sqrt(in[2]), in[3]));
        return Ops.maximum(Ops.subtract(in[0], from), MlxArray.scalar(0, in[0].dtype()));
    });

    /** The activation of a layer. In a sparse one only gates count that are far above the others. */
    Gating gating(int layer) {
        double part = sparsity[layer];
        if (part == 0) {
            return Gating.GELU_TANH;
        }
        double deviations = quantile(part);
        return (gate, up) -> {
            MlxArray mean = Ops.mean(gate, -1, true);
            MlxArray variance = Ops.mean(SQUARED_DISTANCE.apply(gate, mean), -1, true);
            MlxArray least = MlxArray.scalar(deviations, gate.dtype());
            return Gating.GELU_TANH.apply(FAR_ABOVE.apply(gate, mean, variance, least), up);
        };
    }

    /** How many deviations above the mean this part of a normal distribution ends. */
    private static double quantile(double part) {
        double low = -8;
        double high = 8;
        for (int i = 0; i < 80; i++) {
            double middle = (low + high) / 2;
            if (normal(middle) < part) {
                low = middle;
            } else {
                high = middle;
            }
        }
        return low;
    }

    /** The part of a normal distribution below {@code x}, by its power series. */
    private static double normal(double x) {
        double term = x;
        double sum = x;
        for (int i = 3; Math.abs(term) > 1e-18; i += 2) {
            term *= x * x / i;
            sum += term;
        }
        return 0.5 + sum * Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);
    }
}
