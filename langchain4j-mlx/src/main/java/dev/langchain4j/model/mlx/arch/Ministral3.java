package dev.langchain4j.model.mlx.arch;

import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.model.mlx.model.LanguageModel;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.RopeParameters;
import dev.langchain4j.model.mlx.model.Tensors;
import dev.langchain4j.model.mlx.model.Weights;
import dev.langchain4j.model.mlx.nn.Attention;
import dev.langchain4j.model.mlx.nn.Attention.Shape;
import dev.langchain4j.model.mlx.nn.Block;
import dev.langchain4j.model.mlx.nn.Decoder;
import dev.langchain4j.model.mlx.nn.LayerTypes;
import dev.langchain4j.model.mlx.nn.Mlp;
import dev.langchain4j.model.mlx.nn.Rope;
import dev.langchain4j.model.mlx.nn.Ropes;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * Ministral 3: Llama with sliding windows in some layers, and queries that grow with the logarithm of the position, as
 * in Llama 4. Source: mlx-lm's {@code models/ministral3.py}.
 */
public final class Ministral3 {
    private Ministral3() {}

    /** The model. */
    public static LanguageModel create(ModelConfig c, Weights w) {
        Shape shape = Shape.of(c, 0);
        RopeParameters positions = RopeParameters.of(c);
        ModelConfig parameters = positions.fields();
        Rope keys = Ropes.of(w, positions, shape.headDim(), Double.NaN, false);
        Rope queries = growing(
                keys, parameters.number("llama_4_scaling_beta"), parameters.count("original_max_position_embeddings"));
        List<String> types = LayerTypes.of(c, List.of(LayerTypes.FULL, LayerTypes.SLIDING));
        return Decoder.load(c, w, true, i -> {
            String name = "model.layers." + i;
            Attention attention = Attention.load(w, name + ".self_attn", shape, false, false, queries, keys)
                    .withWindow(LayerTypes.window(c, types, i));
            Mlp mlp = Mlp.load(w, name + ".mlp", shape.hidden(), c.count("intermediate_size"));
            return Block.load(w, name, shape.hidden(), c.number("rms_norm_eps"), attention, mlp);
        });
    }

    /** Turns queries, and multiplies those beyond the first {@code positions} by 1 + beta log(1 + multiple of them). */
    private static Rope growing(Rope rope, double beta, int positions) {
        return (x, offsets) -> {
            MlxArray turned = rope.apply(x, offsets);
            int length = x.dim(-2);
            if (Arrays.stream(offsets).allMatch(offset -> offset + length <= positions)) {
                return turned;
            }
            float[] factors = new float[offsets.length * length];
            for (int i = 0; i < factors.length; i++) {
                int position = offsets[i / length] + i % length;
                factors[i] = (float) (1 + beta * Math.log(1 + position / positions));
            }
            MlxArray column = MlxArray.of(factors, offsets.length, 1, length, 1);
            return Ops.multiply(turned, Ops.astype(column, x.dtype()));
        };
    }

    /** Unpacks 8-bit floats of raw folders, and drops the scales of activations, which stay as they are. */
    public static void sanitize(ModelConfig c, Map<String, MlxArray> tensors) {
        tensors.keySet().removeIf(name -> name.contains("activation_scale"));
        Tensors.dequantizeFp8Blocks(tensors);
    }
}
