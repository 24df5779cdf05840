package dev.langchain4j.model.mlx.arch;

import com.fasterxml.jackson.databind.JsonNode;
import dev.langchain4j.mlx.Compiled;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.model.mlx.model.LanguageModel;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.Tensors;
import dev.langchain4j.model.mlx.model.Weights;
import dev.langchain4j.model.mlx.nn.Attention;
import dev.langchain4j.model.mlx.nn.Attention.Shape;
import dev.langchain4j.model.mlx.nn.Decoder;
import dev.langchain4j.model.mlx.nn.Embedding;
import dev.langchain4j.model.mlx.nn.FeedForward;
import dev.langchain4j.model.mlx.nn.LayerTypes;
import dev.langchain4j.model.mlx.nn.Linear;
import dev.langchain4j.model.mlx.nn.Residual;
import dev.langchain4j.model.mlx.nn.RmsNorm;
import dev.langchain4j.model.mlx.nn.Rope;
import dev.langchain4j.model.mlx.nn.Router;
import dev.langchain4j.model.mlx.nn.SparseMlp;
import dev.langchain4j.model.mlx.nn.StateSpaceMixer;
import dev.langchain4j.model.mlx.nn.StateSpaceMixer.Biases;
import dev.langchain4j.model.mlx.nn.SwitchMlp;
import java.util.Map;
import java.util.stream.Stream;

/**
 * Nemotron-H and Nemotron 3: each layer is one of a state space, attention without positions, a dense layer and
 * experts, in an order that config.json lists. Source: mlx-lm's {@code models/nemotron_h.py}.
 */
public final class NemotronH {
    private static final Compiled SQUARED_RELU =
            Compiled.of(in -> Ops.square(Ops.maximum(in[0], MlxArray.scalar(0, in[0].dtype()))));

    private NemotronH() {}

    /** The model. It has a head of its own, whatever tie_word_embeddings says. */
    public static LanguageModel create(ModelConfig c, Weights w) {
        checkActivation(c, "mlp_hidden_act", "relu2");
        checkActivation(c, "mamba_hidden_act", "silu");
        String kinds = kinds(c);
        int hidden = c.count("hidden_size");
        int rows = c.count("vocab_size");
        double eps = c.number("layer_norm_epsilon");
        Embedding embedding = Embedding.load(w, "backbone.embeddings", rows, hidden);
        return new Decoder(
                embedding::apply,
                Decoder.layers(w, kinds.length(), i -> {
                    String name = "backbone.layers." + i;
                    RmsNorm norm = RmsNorm.load(w, name + ".norm", hidden, eps);
                    return layer(c, w, name + ".mixer", kinds.charAt(i), norm);
                }),
                RmsNorm.load(w, "backbone.norm_f", hidden, eps),
                Linear.load(w, "lm_head", hidden, rows, false),
                rows);
    }

    private static void checkActivation(ModelConfig c, String name, String known) {
        String given = c.text(name, known);
        if (!given.equals(known)) {
            throw c.invalid(name, given, "must be " + known);
        }
    }

    /** What each layer is, a letter each. */
    private static String kinds(ModelConfig c) {
        String field = Stream.of("hybrid_override_pattern", "layers_block_type")
                .filter(c::has)
                .findFirst()
                .orElse("layer_types");
        JsonNode given = c.json().path(field);
        StringBuilder letters = new StringBuilder(given.isTextual() ? given.asText() : "");
        given.forEach(word -> letters.append(kind(word.asText())));
        if (!letters.toString().matches("[M*E-]+")) {
            throw c.invalid(
                    field, given, "must have M, *, E or - for each layer, or mamba, attention, moe or mlp in a list");
        }
        return letters.toString();
    }

    private static char kind(String word) {
        return switch (word) {
            case "M", "mamba", "conv", LayerTypes.LINEAR -> 'M';
            case "*", "attention", LayerTypes.FULL -> '*';
            case "E", "moe" -> 'E';
            case "-", "mlp" -> '-';
            default -> ' ';
        };
    }

    private static Residual layer(ModelConfig c, Weights w, String name, char kind, RmsNorm norm) {
        return switch (kind) {
            case 'M' -> Residual.of(norm, mamba(c, w, name));
            case '*' -> Residual.of(norm, attention(c, w, name));
            case 'E' -> Residual.of(norm, experts(c, w, name));
            default -> Residual.of(norm, mlp(c, w, name, c.count("intermediate_size")));
        };
    }

    private static StateSpaceMixer mamba(ModelConfig c, Weights w, String name) {
        StateSpaceMixer.Shape s = StateSpaceMixer.Shape.of(
                c, "mamba_num_heads", "mamba_head_dim", "n_groups", "ssm_state_size", "conv_kernel");
        boolean bias = c.flag("mamba_proj_bias", false);
        return StateSpaceMixer.load(
                c,
                w,
                name,
                s,
                new Biases(bias, c.flag("use_conv_bias", true), bias),
                StateSpaceMixer.gatedGroupNorm(w, name + ".norm", s, c.number("layer_norm_epsilon")));
    }

    private static Attention attention(ModelConfig c, Weights w, String name) {
        boolean bias = c.flag("attention_bias", false);
        return Attention.load(w, name, Shape.of(c, 0), bias, bias, Rope.NONE);
    }

    private static FeedForward mlp(ModelConfig c, Weights w, String name, int inner) {
        boolean bias = c.flag("mlp_bias", false);
        int hidden = c.count("hidden_size");
        Linear up = Linear.load(w, name + ".up_proj", hidden, inner, bias);
        Linear down = Linear.load(w, name + ".down_proj", inner, hidden, bias);
        return x -> down.apply(squaredRelu(up.apply(x)));
    }

    private static MlxArray squaredRelu(MlxArray x) {
        return SQUARED_RELU.apply(x);
    }

    /** Experts, which in large models work on a shorter vector that is projected for them. */
    private static FeedForward experts(ModelConfig c, Weights w, String name) {
        int hidden = c.count("hidden_size");
        int experts = c.count("n_routed_experts");
        int width = c.count("moe_latent_size", hidden);
        Router router = Router.Grouped.load(c, w, name + ".gate", hidden, experts);
        SwitchMlp chosen = SwitchMlp.loadUngated(
                w, name + ".switch_mlp", width, c.count("moe_intermediate_size"), experts, NemotronH::squaredRelu);
        FeedForward shared = c.has("n_shared_experts")
                ? mlp(c, w, name + ".shared_experts", c.count("moe_shared_expert_intermediate_size"))
                : null;
        if (!c.has("moe_latent_size")) {
            return new SparseMlp(router, chosen, shared);
        }
        boolean bias = c.flag("mlp_bias", false);
        Linear in = Linear.load(w, name + ".fc1_latent_proj", hidden, width, bias);
        Linear out = Linear.load(w, name + ".fc2_latent_proj", width, hidden, bias);
        return x -> {
            MlxArray y = out.apply(chosen.apply(in.apply(x), router.choose(x)));
            return shared == null ? y : Ops.add(y, shared.apply(x));
        };
    }

    /** Turns kernels, stacks experts, and drops what predicts several tokens ahead. */
    public static void sanitize(ModelConfig c, Map<String, MlxArray> tensors) {
        tensors.keySet().removeIf(name -> name.startsWith("mtp."));
        Tensors.turnKernels(tensors);
        int experts = c.integer("n_routed_experts", 0);
        for (int i = 0; i < kinds(c).length(); i++) {
            String name = "backbone.layers." + i + ".mixer";
            for (String[] p : new String[][] {{".up_proj", ".fc1"}, {".down_proj", ".fc2"}}) {
                Tensors.stackExperts(
                        tensors, new String[] {name + ".experts.", p[0]}, name + ".switch_mlp" + p[1], experts);
            }
        }
    }
}
