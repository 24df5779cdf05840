package dev.langchain4j.model.mlx.kv;

import java.util.ArrayList;
import java.util.List;

/**
 * How full-attention layers keep keys and values. Layers that hold no more than a window or a state stay as they are:
 * mlx-lm leaves states, and cannot quantize windows. Sources: {@code kv_bits}, {@code kv_group_size},
 * {@code quantized_kv_start} and {@code max_kv_size} of mlx-lm's {@code generate_step}.
 *
 * @param bits bits of an element, 0 for elements as they are computed
 * @param groupSize elements that share a scale where they are quantized
 * @param quantizedStart first position that attends to quantized keys and values
 * @param maxSize most positions that a layer holds, 0 for all
 */
public record KvFormat(int bits, int groupSize, int quantizedStart, int maxSize) {
    /** All positions, as they are computed. */
    public static final KvFormat PLAIN = new KvFormat(0, 64, 0, 0);

    /** First positions that stay when a layer holds no more than a maximum. */
    public static final int KEEP = 4;

    /** Replaces the full-attention layers of a new sequence. */
    public List<LayerCache> apply(List<LayerCache> layers) {
        if (equals(PLAIN)) {
            return layers;
        }
        List<LayerCache> formatted = new ArrayList<>(layers.size());
        for (LayerCache layer : layers) {
            formatted.add(layer instanceof KvCache ? newCache() : layer);
        }
        return formatted;
    }

    private LayerCache newCache() {
        return maxSize > 0 ? new BoundedKvCache(maxSize, KEEP) : new QuantizedKvCache(bits, groupSize, quantizedStart);
    }

    /** The settings that make states of one format useless for another, as part of a prompt cache's key. */
    public String key() {
        if (maxSize > 0) {
            return ", at most " + maxSize + " positions";
        }
        return bits == 0 ? "" : ", %d bits in groups of %d from position %d".formatted(bits, groupSize, quantizedStart);
    }
}
