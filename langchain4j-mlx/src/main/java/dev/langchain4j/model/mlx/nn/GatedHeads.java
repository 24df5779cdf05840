package dev.langchain4j.model.mlx.nn;

import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.model.mlx.kv.LayerCache;
import dev.langchain4j.model.mlx.kv.Spans;
import java.util.function.UnaryOperator;

/**
 * Attention whose heads are multiplied by gates before they are put together.
 *
 * @param gate hidden size to gates, {@code width} for each head
 * @param function what gates go through
 * @param width 1 for one gate a head, or the dimensions of a head
 */
public record GatedHeads(Attention attention, Linear gate, UnaryOperator<MlxArray> function, int width)
        implements Decoder.Layer {

    @Override
    public MlxArray apply(MlxArray x, Spans spans, int layer) {
        MlxArray attended = attention.attended(x, spans, layer);
        MlxArray gates = spans.splitHeads(
                function.apply(gate.apply(x)), attention.shape().heads(), width);
        return attention.joined(Ops.multiply(attended, gates), spans);
    }

    @Override
    public LayerCache newCache() {
        return attention.newCache();
    }
}
