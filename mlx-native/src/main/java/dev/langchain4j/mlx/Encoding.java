package dev.langchain4j.mlx;

import dev.langchain4j.mlx.ffi.EncoderC;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/**
 * What encoders of texts (BERT) compute besides products. On Linux's CPU backend each is one operation of our own, in
 * single precision; elsewhere they are put together of MLX's. Lazy, as {@link Ops}.
 */
public final class Encoding {
    private Encoding() {}

    private static boolean isOwn(MlxArray x) {
        return OwnerThread.current().cpuFast != null && x.dtype() == DType.FLOAT32;
    }

    /**
     * The layer norm of a sum: (y - mean) / deviation * weight + bias over the last dimension, for y = x + added.
     *
     * @param added of the shape of x; null for nothing
     */
    public static MlxArray addNorm(MlxArray x, MlxArray added, MlxArray weight, MlxArray bias, float eps) {
        OwnerThread t = OwnerThread.current();
        if (!isOwn(x) || weight == null || bias == null) {
            return Fast.layerNorm(added == null ? x : Ops.add(x, added), weight, bias, eps);
        }
        int status =
                EncoderC.addLayerNorm(t.out(), t.use(x), t.useOrNone(added), t.use(weight), t.use(bias), eps, t.stream);
        return t.result(status, "add_layer_norm", x, weight, bias);
    }

    /**
     * Attention of each token to all tokens of its own text: softmax(q k' / sqrt(dim)) v for each head.
     *
     * @param qkv queries of all heads, then keys, then values of texts that lie in a row, [1, tokens, 3 * hidden]
     * @param lengths tokens of each text, in their order; texts of one length are computed together where they are
     *     neighbours
     * @return [1, tokens, hidden]
     */
    public static MlxArray attention(MlxArray qkv, int[] lengths, int heads) {
        int hidden = qkv.dim(2) / 3;
        float scale = (float) Math.pow((double) hidden / heads, -0.5);
        if (!isOwn(qkv)) {
            return composed(qkv, lengths, heads, scale);
        }
        OwnerThread t = OwnerThread.current();
        try (Arena arena = Arena.ofConfined()) {
            long ints = arena.allocateFrom(ValueLayout.JAVA_INT, lengths).address();
            return t.result(
                    EncoderC.attention(t.out(), t.use(qkv), ints, lengths.length, heads, scale, t.stream),
                    "attention",
                    qkv);
        }
    }

    private static MlxArray composed(MlxArray qkv, int[] lengths, int heads, float scale) {
        int hidden = qkv.dim(2) / 3;
        MlxArray[] parts = Indexing.split(qkv, 3, 2);
        int groups = 0;
        MlxArray[] attended = new MlxArray[lengths.length];
        for (int first = 0, from = 0; first < lengths.length; ) {
            int next = first;
            while (next < lengths.length && lengths[next] == lengths[first]) {
                next++;
            }
            int texts = next - first;
            int to = from + texts * lengths[first];
            MlxArray[] own = new MlxArray[3];
            for (int i = 0; i < own.length; i++) {
                MlxArray rows = Indexing.slice(parts[i], 1, from, to);
                MlxArray split = Indexing.reshape(rows, texts, lengths[first], heads, hidden / heads);
                own[i] = Indexing.transpose(split, 0, 2, 1, 3);
            }
            MlxArray seen = Fast.attention(own[0], own[1], own[2], scale, false, null, null);
            attended[groups++] = Indexing.reshape(Indexing.transpose(seen, 0, 2, 1, 3), 1, to - from, hidden);
            first = next;
            from = to;
        }
        return groups == 1 ? attended[0] : Indexing.concatenate(1, Arrays.copyOf(attended, groups));
    }
}
