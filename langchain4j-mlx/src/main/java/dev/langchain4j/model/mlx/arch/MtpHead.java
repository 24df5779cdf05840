package dev.langchain4j.model.mlx.arch;

import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.model.mlx.kv.LayerCache;
import dev.langchain4j.model.mlx.kv.Spans;
import dev.langchain4j.model.mlx.model.DraftModel;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.Tensors;
import dev.langchain4j.model.mlx.model.Weights;
import dev.langchain4j.model.mlx.nn.Decoder;
import dev.langchain4j.model.mlx.nn.Linear;
import dev.langchain4j.model.mlx.nn.RmsNorm;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.IntFunction;

/**
 * The head that predicts the token behind the next one (multi-token prediction): the embedding of the next token and
 * the hidden state behind the last one, each normed, are joined and go through one more block of the model. Embedding
 * and logits are those of the model. It can go on behind what it returns. Sources: arXiv:2412.19437, section 2.2;
 * vLLM's {@code deepseek_mtp.py} and {@code qwen3_next_mtp.py} for which states go in and on.
 *
 * @param join the embedding, then the hidden state, [1, tokens, 2 * dimension], to the dimension
 * @param last before the logits
 * @param goesOnNormed whether the state to go on with is behind the last norm (Qwen) or before it (DeepSeek)
 */
record MtpHead(
        Decoder main,
        RmsNorm embeddingNorm,
        RmsNorm hiddenNorm,
        Linear join,
        Decoder.Layer block,
        RmsNorm last,
        boolean goesOnNormed)
        implements DraftModel {
    private static final String QWEN = "mtp.";
    private static final String JOIN = ".eh_proj.weight";

    /**
     * Puts DeepSeek's head on a model, which is a layer behind the last one.
     *
     * @param layer makes the block of a layer
     */
    static Decoder deepseek(ModelConfig c, Weights w, Decoder main, IntFunction<? extends Decoder.Layer> layer) {
        int index = c.count("num_hidden_layers");
        String name = "model.layers." + index;
        if (!w.has(name + JOIN)) {
            return main;
        }
        int hidden = c.count("hidden_size");
        double eps = c.number("rms_norm_eps");
        return main.drafting(new MtpHead(
                main,
                RmsNorm.load(w, name + ".enorm", hidden, eps),
                RmsNorm.load(w, name + ".hnorm", hidden, eps),
                Linear.load(w, name + ".eh_proj", 2 * hidden, hidden, false),
                layer.apply(index),
                RmsNorm.load(w, name + ".shared_head.norm", hidden, eps),
                false));
    }

    /**
     * Puts Qwen's head on a model.
     *
     * @param block makes the block of a name
     */
    static Decoder qwen(ModelConfig c, Weights w, Decoder main, Function<String, Decoder.Layer> block) {
        if (!w.has("mtp.fc.weight")) {
            return main;
        }
        int hidden = c.count("hidden_size");
        double eps = c.number("rms_norm_eps");
        return main.drafting(new MtpHead(
                main,
                RmsNorm.load(w, "mtp.pre_fc_norm_embedding", hidden, eps),
                RmsNorm.load(w, "mtp.pre_fc_norm_hidden", hidden, eps),
                Linear.load(w, "mtp.fc", 2 * hidden, hidden, false),
                block.apply("mtp.layers.0"),
                RmsNorm.load(w, "mtp.norm", hidden, eps),
                true));
    }

    /** Drops the tensors of all heads. */
    static void drop(ModelConfig config, Map<String, MlxArray> tensors) {
        tensors.keySet().removeIf(name -> name.contains(QWEN));
        List<String> layers = tensors.keySet().stream()
                .filter(name -> name.endsWith(JOIN))
                .map(name -> name.substring(0, name.length() - JOIN.length() + 1))
                .toList();
        tensors.keySet().removeIf(name -> layers.stream().anyMatch(name::startsWith));
    }

    /**
     * Keeps of the layers behind the last one that of DeepSeek's first head, if it is whole, without copies of what the
     * model has.
     */
    static void keepDeepseek(ModelConfig c, Map<String, MlxArray> tensors) {
        int layers = c.count("num_hidden_layers");
        String name = "model.layers." + layers;
        boolean whole = hasAll(tensors, name, ".eh_proj", ".enorm", ".hnorm", ".shared_head.norm", ".input_layernorm");
        Tensors.dropLayersFrom(layers + (whole ? 1 : 0), tensors);
        tensors.keySet()
                .removeIf(tensor ->
                        tensor.startsWith(name + ".embed_tokens.") || tensor.startsWith(name + ".shared_head.head."));
    }

    /** Keeps the first layer of Qwen's head, if it is whole, under one name, with its experts stacked. */
    static void keepQwen(int experts, Map<String, MlxArray> tensors) {
        for (String name : List.copyOf(tensors.keySet())) {
            if (name.startsWith("model." + QWEN)) {
                tensors.put(name.substring("model.".length()), tensors.remove(name));
            }
        }
        String layer = QWEN + "layers.0.";
        boolean whole = hasAll(
                tensors,
                "mtp",
                ".fc",
                ".pre_fc_norm_embedding",
                ".pre_fc_norm_hidden",
                ".norm",
                ".layers.0.input_layernorm");
        tensors.keySet()
                .removeIf(name -> name.startsWith(QWEN)
                        && (!whole
                                || name.startsWith(QWEN + "layers.") && !name.startsWith(layer)
                                || name.startsWith(QWEN + "embed_tokens.")
                                || name.startsWith(QWEN + "lm_head.")));
        for (String projection : List.of(".gate_proj", ".up_proj", ".down_proj")) {
            String[] from = {layer + "mlp.experts.", projection};
            Tensors.stackExperts(tensors, from, layer + "mlp.switch_mlp" + projection, experts);
        }
    }

    private static boolean hasAll(Map<String, MlxArray> tensors, String name, String... parts) {
        return Arrays.stream(parts).allMatch(part -> tensors.containsKey(name + part + ".weight"));
    }

    @Override
    public MlxArray forward(MlxArray tokens, MlxArray before, Spans spans) {
        MlxArray embedded = embeddingNorm.apply(main.embed(tokens));
        MlxArray joined = join.apply(Indexing.concatenate(-1, embedded, hiddenNorm.apply(before)));
        MlxArray state = block.apply(joined, spans, 0);
        return goesOnNormed ? last.apply(state) : state;
    }

    @Override
    public MlxArray logits(MlxArray hidden) {
        return main.logits(goesOnNormed ? hidden : last.apply(hidden));
    }

    @Override
    public List<LayerCache> newLayers() {
        return block.newCaches();
    }

    @Override
    public int vocabularySize() {
        return main.vocabularySize();
    }

    @Override
    public int hiddenSize() {
        return hiddenNorm.weight().dim(0);
    }

    @Override
    public DType type() {
        return hiddenNorm.weight().dtype();
    }
}
