package dev.langchain4j.model.mlx.nn;

import dev.langchain4j.mlx.Fast;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.model.mlx.model.ModelConfig;
import java.util.function.UnaryOperator;

/** Activations by the names that config.json has for them. */
public final class Activations {
    private Activations() {}

    /**
     * What a field of config.json asks for.
     *
     * @param otherwise the name where config.json has none
     */
    public static UnaryOperator<MlxArray> of(ModelConfig c, String field, String otherwise) {
        String name = c.text(field, otherwise);
        return switch (name) {
            case "gelu" -> Fast::gelu;
            case "gelu_new", "gelu_pytorch_tanh" -> Fast::geluTanh;
            case "quick_gelu" -> x -> Ops.multiply(x, Ops.sigmoid(Ops.multiply(x, 1.702)));
            case "relu" -> x -> Ops.maximum(x, MlxArray.scalar(0, x.dtype()));
            case "silu", "swish" -> Ops::silu;
            default ->
                throw c.invalid(
                        field, name, "must be gelu, gelu_new, gelu_pytorch_tanh, quick_gelu, relu, silu or swish");
        };
    }
}
