package dev.langchain4j.model.mlx.arch;

import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.model.mlx.arch.Granite.ScaledBlock;
import dev.langchain4j.model.mlx.model.LanguageModel;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.RopeParameters;
import dev.langchain4j.model.mlx.model.Tensors;
import dev.langchain4j.model.mlx.model.Weights;
import dev.langchain4j.model.mlx.nn.Attention.Shape;
import dev.langchain4j.model.mlx.nn.Decoder;
import dev.langchain4j.model.mlx.nn.FeedForward;
import dev.langchain4j.model.mlx.nn.Gating;
import dev.langchain4j.model.mlx.nn.LayerTypes;
import dev.langchain4j.model.mlx.nn.Linear;
import dev.langchain4j.model.mlx.nn.Mlp;
import dev.langchain4j.model.mlx.nn.Rope;
import dev.langchain4j.model.mlx.nn.Ropes;
import dev.langchain4j.model.mlx.nn.Router;
import dev.langchain4j.model.mlx.nn.SparseMlp;
import dev.langchain4j.model.mlx.nn.StateSpaceMixer;
import dev.langchain4j.model.mlx.nn.StateSpaceMixer.Biases;
import dev.langchain4j.model.mlx.nn.SwitchMlp;
import java.util.List;
import java.util.Map;

/**
 * Granite 4: state spaces and attention, mostly without positions; dense, or with experts and one that is shared.
 * Source: mlx-lm's {@code models/granitemoehybrid.py}.
 */
public final class GraniteMoeHybrid {
    private static final String ATTENTION = "attention";
    private static final List<String> TYPES = List.of("mamba", LayerTypes.LINEAR, ATTENTION, LayerTypes.FULL);

    private GraniteMoeHybrid() {}

    /** The model. */
    public static LanguageModel create(ModelConfig c, Weights w) {
        List<String> types = LayerTypes.of(c, TYPES);
        if (types == null) {
            throw c.invalid("layer_types", null, "must have one of " + TYPES + " for each layer");
        }
        Shape shape = Shape.ofEqualHeads(c);
        Rope rope = rope(c, w, shape.headDim());
        return Granite.create(c, w, i -> {
            String name = "model.layers." + i;
            boolean attends = types.get(i).equals(ATTENTION) || types.get(i).equals(LayerTypes.FULL);
            Decoder.Layer mixer =
                    attends ? Granite.attention(c, w, name + ".self_attn", shape, rope) : mamba(c, w, name + ".mamba");
            return ScaledBlock.load(c, w, name, mixer, feedForward(c, w, name));
        });
    }

    private static Rope rope(ModelConfig c, Weights w, int dims) {
        String type = c.isNull("position_embedding_type") ? "nope" : c.text("position_embedding_type", "rope");
        return switch (type) {
            case "rope" -> Ropes.of(w, RopeParameters.of(c), dims, 10_000, false);
            case "nope" -> Rope.NONE;
            default -> throw c.invalid("position_embedding_type", type, "must be rope or nope");
        };
    }

    private static StateSpaceMixer mamba(ModelConfig c, Weights w, String name) {
        StateSpaceMixer.Shape s = StateSpaceMixer.Shape.of(
                c, "mamba_n_heads", "mamba_d_head", "mamba_n_groups", "mamba_d_state", "mamba_d_conv");
        boolean bias = c.flag("mamba_proj_bias", false);
        return StateSpaceMixer.load(
                c,
                w,
                name,
                s,
                new Biases(bias, c.flag("mamba_conv_bias", true), bias),
                StateSpaceMixer.gatedNorm(w, name + ".norm", s, c.number("rms_norm_eps")));
    }

    private static boolean isSparse(ModelConfig c) {
        return c.integer("num_local_experts", 0) > 0;
    }

    private static FeedForward feedForward(ModelConfig c, Weights w, String name) {
        int hidden = c.count("hidden_size");
        int inner = c.count("intermediate_size");
        if (!isSparse(c)) {
            return Mlp.load(w, name + ".mlp", hidden, inner, c.flag("mlp_bias", false), Gating.SILU);
        }
        String sparse = name + ".block_sparse_moe";
        int experts = c.count("num_local_experts");
        Linear gate = Linear.load(w, sparse + ".router.layer", hidden, experts, false);
        int chosen = Router.chosen(c, experts, c.count("num_experts_per_tok"));
        int shared = c.count("shared_intermediate_size");
        return new SparseMlp(
                Router.softmaxOfTop(gate, chosen, Router.Selection.LAST, true),
                SwitchMlp.load(w, sparse + ".switch_mlp", hidden, inner, experts, false, Gating.SILU),
                Mlp.fused(
                        Linear.load(w, name + ".shared_mlp.input_linear", hidden, 2 * shared, false),
                        Linear.load(w, name + ".shared_mlp.output_linear", shared, hidden, false)));
    }

    /** Turns kernels, and parts gates from values: those of experts, or where there are none of the dense layer. */
    public static void sanitize(ModelConfig c, Map<String, MlxArray> tensors) {
        Tensors.turnKernels(tensors);
        String from = isSparse(c) ? ".block_sparse_moe." : ".shared_mlp.";
        String to = isSparse(c) ? ".block_sparse_moe.switch_mlp." : ".mlp.";
        for (int i = 0; i < c.count("num_hidden_layers"); i++) {
            String name = "model.layers." + i;
            MlxArray both = tensors.remove(name + from + "input_linear.weight");
            MlxArray down = tensors.remove(name + from + "output_linear.weight");
            if (both != null && down != null) {
                MlxArray[] parts = Indexing.split(both, 2, -2);
                tensors.put(name + to + "gate_proj.weight", Indexing.contiguous(parts[0]));
                tensors.put(name + to + "up_proj.weight", Indexing.contiguous(parts[1]));
                tensors.put(name + to + "down_proj.weight", down);
            }
        }
    }
}
