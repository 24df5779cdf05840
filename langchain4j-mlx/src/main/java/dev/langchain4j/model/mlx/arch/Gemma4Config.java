package dev.langchain4j.model.mlx.arch;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.RopeParameters;
import dev.langchain4j.model.mlx.model.Weights;
import dev.langchain4j.model.mlx.nn.Attention.Shape;
import dev.langchain4j.model.mlx.nn.LayerTypes;
import dev.langchain4j.model.mlx.nn.Rope;
import dev.langchain4j.model.mlx.nn.Ropes;
import dev.langchain4j.model.mlx.nn.SharingAttention;
import java.util.ArrayList;
import java.util.List;

/**
 * What config.json of Gemma 4 says, and mlx-lm's defaults where it is silent.
 *
 * @param shared number of layers at the end that have no keys and values of their own
 * @param ownWidth length of a layer's own input for a token; 0 for none
 * @param keysServe whether the keys of full-attention layers serve as values too
 * @param cap what logits are limited to; 0 for no limit
 * @param bothWays whether tokens of a picture see one another in both directions, in layers with a window
 * @param padding the token whose own inputs the tokens of pictures have
 */
record Gemma4Config(
        int hidden,
        int layers,
        int inner,
        int heads,
        int kvHeads,
        int globalKvHeads,
        int headDim,
        int globalHeadDim,
        int rows,
        int shared,
        int ownWidth,
        int window,
        List<String> types,
        boolean keysServe,
        boolean doubleWide,
        boolean sparse,
        double eps,
        double cap,
        boolean bothWays,
        int padding) {

    static Gemma4Config of(ModelConfig c) {
        int layers = c.count("num_hidden_layers", 35);
        int heads = c.count("num_attention_heads", 8);
        int kvHeads = c.count("num_key_value_heads", 1);
        List<String> types = types(c, layers);
        ModelConfig full = ofFullLayers(c, types);
        int globalKvHeads = c.count("num_global_key_value_heads", full.count("num_key_value_heads", kvHeads));
        int headDim = c.count("head_dim", 256);
        int shared = c.integer("num_kv_shared_layers", 20);
        if (shared < 0 || shared >= layers) {
            throw c.invalid("num_kv_shared_layers", shared, "must be less than num_hidden_layers (" + layers + ")");
        }
        if (heads % kvHeads != 0 || heads % globalKvHeads != 0) {
            throw c.invalid("num_attention_heads", heads, "must be a multiple of the numbers of key-value heads");
        }
        Gemma4Config config = new Gemma4Config(
                c.count("hidden_size", 1536),
                layers,
                c.count("intermediate_size", 6144),
                heads,
                kvHeads,
                globalKvHeads,
                headDim,
                globalHeadDim(c, headDim, full),
                c.count("vocab_size", 262_144),
                shared,
                c.isNull("hidden_size_per_layer_input") ? 0 : c.integer("hidden_size_per_layer_input", 256),
                c.count("sliding_window", 512),
                types,
                c.flag("attention_k_eq_v", false),
                c.flag("use_double_wide_mlp", true),
                c.flag("enable_moe_block", false),
                c.number("rms_norm_eps", 1e-6),
                c.isNull("final_logit_softcapping") ? 0 : c.number("final_logit_softcapping", 30),
                c.text("use_bidirectional_attention", "").equals("vision"),
                c.integer("pad_token_id", 0));
        if (config.padding < 0 || config.padding >= config.rows) {
            throw c.invalid("pad_token_id", config.padding, "must be one of the " + config.rows + " token ids");
        }
        for (int i = config.firstShared(); i < layers; i++) {
            config.sharedWith(i);
        }
        return config;
    }

    /** What folders of newer versions of transformers say of the first full-attention layer by its number. */
    private static ModelConfig ofFullLayers(ModelConfig c, List<String> types) {
        ModelConfig each = c.section("per_layer_config");
        ModelConfig full = each == null ? null : each.section(String.valueOf(types.indexOf(LayerTypes.FULL)));
        return full == null ? new ModelConfig(JsonNodeFactory.instance.objectNode(), c.where()) : full;
    }

    private static int globalHeadDim(ModelConfig c, int headDim, ModelConfig full) {
        int dim = c.isNull("global_head_dim") ? 0 : c.integer("global_head_dim", full.count("head_dim", 512));
        return dim == 0 ? headDim : dim;
    }

    private static List<String> types(ModelConfig c, int layers) {
        List<String> given = LayerTypes.of(c, layers, List.of(LayerTypes.FULL, LayerTypes.SLIDING));
        if (given != null) {
            return given;
        }
        int pattern = c.count("sliding_window_pattern", 5);
        List<String> types = new ArrayList<>();
        for (int i = 0; i < layers; i++) {
            types.add((i + 1) % pattern == 0 ? LayerTypes.FULL : LayerTypes.SLIDING);
        }
        return types;
    }

    /** The first layer without keys and values of its own. */
    int firstShared() {
        return layers - shared;
    }

    /** The layer whose keys and values this one attends to: the last one of its kind that has any. */
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

    boolean slides(int layer) {
        return types.get(layer).equals(LayerTypes.SLIDING);
    }

    boolean keysAreValues(int layer) {
        return keysServe && !slides(layer);
    }

    Shape shape(int layer) {
        int kv = keysAreValues(layer) ? globalKvHeads : kvHeads;
        return new Shape(hidden, heads, kv, slides(layer) ? headDim : globalHeadDim);
    }

    int inner(int layer) {
        return doubleWide && shared > 0 && layer >= firstShared() ? 2 * inner : inner;
    }

    /** The positions of one kind of layers. */
    Rope rope(ModelConfig c, Weights w, boolean sliding) {
        int dims = sliding ? headDim : globalHeadDim;
        boolean traditional = c.flag("rope_traditional", false);
        RopeParameters positions =
                sliding ? RopeParameters.ofSliding(c, LayerTypes.SLIDING) : RopeParameters.ofFull(c, LayerTypes.FULL);
        return sliding || RopeParameters.areNested(c)
                ? Ropes.of(w, positions, dims, 10_000, traditional)
                : Ropes.proportional(w, positions, dims, 1e6, 0.25, traditional);
    }
}
