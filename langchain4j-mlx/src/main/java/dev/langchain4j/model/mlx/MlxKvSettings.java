package dev.langchain4j.model.mlx;

import dev.langchain4j.model.mlx.kv.KvFormat;

/**
 * The settings of {@link MlxModel.Builder} for the keys and values that layers keep.
 *
 * @param <B> the builder itself
 */
public abstract class MlxKvSettings<B extends MlxKvSettings<B>> extends MlxImageSettings<B> {
    private Integer kvBits;
    private Integer kvGroupSize;
    private Integer quantizedKvStart;
    private Integer maxKvSize;

    MlxKvSettings() {}

    /**
     * Bits that an element of keys and values takes in the KV cache: 2, 3, 4, 5, 6 or 8. Eight bits halve the bytes
     * of a token at half precision and change answers little. Default: none, keys and values stay as computed. It is
     * for layers of full attention; sliding windows and states beside them stay as they are. Refused for latent
     * attention, and for heads that are no multiple of {@link #kvGroupSize}. Source: mlx-lm's {@code kv_bits}.
     */
    public B kvBits(Integer bits) {
        this.kvBits = bits;
        return self();
    }

    /** Elements of a quantized KV cache that share a scale: 32, 64 or 128. Default: 64. Used with kvBits only. */
    public B kvGroupSize(Integer elements) {
        this.kvGroupSize = elements;
        return self();
    }

    /**
     * First token that attends to quantized keys and values. Those before it are also kept as they are, so that every
     * prefix can be resumed exactly. Default: 0. Used with kvBits only. Source: mlx-lm's
     * {@code quantized_kv_start}.
     */
    public B quantizedKvStart(Integer token) {
        this.quantizedKvStart = token;
        return self();
    }

    /**
     * Maximum tokens whose keys and values a full-attention layer holds, at least 5: the first four, and the last ones.
     * Those between are dropped, so a conversation of any length takes bounded memory. The prompt cache can then resume
     * at checkpoints only. Default: all tokens. Not together with kvBits. Source: mlx-lm's {@code max_kv_size}.
     */
    public B maxKvSize(Integer tokens) {
        this.maxKvSize = tokens;
        return self();
    }

    /** All of them, checked. */
    final KvFormat kvFormat() {
        return ModelSettings.kvFormat(kvBits, kvGroupSize, quantizedKvStart, maxKvSize);
    }
}
