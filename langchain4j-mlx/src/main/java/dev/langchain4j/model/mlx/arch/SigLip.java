package dev.langchain4j.model.mlx.arch;

import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.Weights;
import dev.langchain4j.model.mlx.nn.Activations;
import dev.langchain4j.model.mlx.nn.Embedding;
import dev.langchain4j.model.mlx.nn.LayerNorm;
import dev.langchain4j.model.mlx.nn.Linear;
import dev.langchain4j.model.mlx.nn.Mlp;
import dev.langchain4j.model.mlx.nn.PatchAttention;
import dev.langchain4j.model.mlx.nn.PatchBlock;
import dev.langchain4j.model.mlx.nn.PatchGrid;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;

/**
 * The vision tower of Gemma 3, SmolVLM and Idefics 3: patches of squares with learned positions, blocks with layer
 * norms. Source: transformers' {@code models/siglip/modeling_siglip.py} and
 * {@code models/idefics3/modeling_idefics3.py}.
 *
 * @param side patches a side that there are positions for
 * @param patch pixels a side of a patch
 * @param type of the hidden states
 */
record SigLip(
        Linear patches, Embedding positions, List<PatchBlock> blocks, LayerNorm norm, int side, int patch, DType type) {

    /** The tower whose tensors have this prefix, without what pools its patches. */
    static SigLip load(ModelConfig c, Weights w, String name) {
        int hidden = c.count("hidden_size");
        int heads = c.count("num_attention_heads");
        if (hidden % heads != 0) {
            throw c.invalid("hidden_size", hidden, "must be a multiple of num_attention_heads (" + heads + ")");
        }
        int patch = c.count("patch_size");
        int side = c.count("image_size") / patch;
        if (side == 0) {
            throw c.invalid("image_size", c.count("image_size"), "must be at least patch_size (" + patch + ")");
        }
        double eps = c.number("layer_norm_eps", 1e-6);
        String embeddings = name + ".embeddings";
        LayerNorm norm = LayerNorm.load(w, name + ".post_layernorm", hidden, eps, true);
        return new SigLip(
                PatchGrid.convolution(
                        w, embeddings + ".patch_embedding", c.count("num_channels", 3), patch, hidden, true),
                Embedding.load(w, embeddings + ".position_embedding", Math.multiplyExact(side, side), hidden),
                IntStream.range(0, c.count("num_hidden_layers"))
                        .mapToObj(i -> block(c, w, name + ".encoder.layers." + i, hidden, heads, eps))
                        .toList(),
                norm,
                side,
                patch,
                norm.weight().dtype());
    }

    private static PatchBlock block(ModelConfig c, Weights w, String name, int hidden, int heads, double eps) {
        String attention = name + ".self_attn";
        return new PatchBlock(
                LayerNorm.load(w, name + ".layer_norm1", hidden, eps, true),
                PatchAttention.load(w, attention, attention + ".out_proj", hidden, heads, true),
                LayerNorm.load(w, name + ".layer_norm2", hidden, eps, true),
                Mlp.loadUngated(
                        w,
                        name + ".mlp.fc1",
                        name + ".mlp.fc2",
                        hidden,
                        c.count("intermediate_size"),
                        true,
                        Activations.of(c, "hidden_act", "gelu_pytorch_tanh")));
    }

    /** Turns the patches' kernels of raw folders, and drops what pools patches and what says where they are. */
    static void sanitize(ModelConfig c, Map<String, MlxArray> tensors, String name) {
        tensors.keySet().removeIf(tensor -> tensor.startsWith(name + ".head.") || tensor.endsWith(".position_ids"));
        PatchGrid.turnKernels(tensors, name + ".embeddings.patch_embedding", c.count("num_channels", 3));
    }

    /**
     * The vectors of all patches.
     *
     * @param pixels [pictures, channels, height, width]
     * @return [pictures, patches, hidden]
     */
    MlxArray apply(MlxArray pixels) {
        int rows = pixels.dim(2) / patch;
        int columns = pixels.dim(3) / patch;
        MlxArray places = MlxArray.of(places(rows, columns, side), rows * columns);
        MlxArray h = Ops.add(
                patches.apply(PatchGrid.patches(Ops.astype(pixels, type), patch)),
                Ops.astype(positions.apply(places), type));
        int[] shape = h.shape();
        h = Indexing.reshape(h, 1, shape[0] * shape[1], shape[2]);
        List<PatchAttention.Run> pictures = List.of(new PatchAttention.Run(shape[0], shape[1]));
        for (PatchBlock block : blocks) {
            h = block.apply(h, UnaryOperator.identity(), pictures);
        }
        return Indexing.reshape(norm.apply(h), shape);
    }

    /**
     * Which of the learned positions each patch has: its own in a grid of the size that was learned, the one at the
     * same share of the side in another. Whole numbers, because fractions of single precision miss a position in some
     * grids.
     */
    static int[] places(int rows, int columns, int side) {
        int[] all = new int[rows * columns];
        for (int i = 0; i < all.length; i++) {
            all[i] = i / columns * side / rows * side + i % columns * side / columns;
        }
        return all;
    }
}
