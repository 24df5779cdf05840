package dev.langchain4j.model.mlx.samples.bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.mlx.Safetensors;
import dev.langchain4j.mlx.Scope;
import dev.langchain4j.mlx.text.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/**
 * A folder with a very small model of random weights that reads a given tokenizer and chat template: of use for timing
 * only.
 */
final class RandomModel {
    private static final int HIDDEN = 64;
    private static final int LAYERS = 2;
    private static final int HEAD_DIM = 32;
    private static final int HEADS = 2;
    private static final int INNER = 128;
    private static final List<String> FILES = List.of("tokenizer.json", "tokenizer_config.json", "chat_template.jinja");
    private static final ObjectMapper JSON = new ObjectMapper();

    private final Random random = new Random(7);
    private final Map<String, MlxArray> tensors = new LinkedHashMap<>();

    private RandomModel() {}

    /**
     * Makes one with as many logits as the tokenizer has tokens.
     *
     * @param tokenizer a folder with tokenizer.json and tokenizer_config.json
     */
    static void make(Path folder, Path tokenizer) throws IOException {
        try (Tokenizer opened = Tokenizer.fromFile(tokenizer.resolve("tokenizer.json"))) {
            make(folder, tokenizer, opened.vocabularySize(), 1);
        }
    }

    /**
     * Makes one.
     *
     * @param tokenizer a folder with tokenizer.json and tokenizer_config.json
     * @param vocabulary number of logits, at least that of the tokenizer's tokens
     * @param spread standard deviation of the logits
     */
    static void make(Path folder, Path tokenizer, int vocabulary, int spread) throws IOException {
        for (String file : FILES) {
            if (Files.exists(tokenizer.resolve(file))) {
                Files.copy(tokenizer.resolve(file), folder.resolve(file));
            }
        }
        JsonNode settings =
                JSON.readTree(tokenizer.resolve("tokenizer_config.json").toFile());
        JsonNode eos = settings.path("eos_token");
        int end;
        try (Tokenizer opened = Tokenizer.fromFile(tokenizer.resolve("tokenizer.json"))) {
            end = opened.id(eos.isObject() ? eos.path("content").asText() : eos.asText())
                    .orElse(0);
        }
        JSON.writeValue(folder.resolve("config.json").toFile(), config(vocabulary, end));
        try (MlxThread thread = MlxThread.start("random-model")) {
            thread.run(() -> {
                try (Scope scope = Scope.open()) {
                    new RandomModel().save(folder.resolve("model.safetensors"), vocabulary, spread);
                }
            });
        }
    }

    private static Map<String, Object> config(int vocabulary, int end) {
        Map<String, Object> config = new LinkedHashMap<>();
        config.put("model_type", "qwen3");
        config.put("hidden_size", HIDDEN);
        config.put("num_hidden_layers", LAYERS);
        config.put("intermediate_size", INNER);
        config.put("num_attention_heads", HEADS);
        config.put("num_key_value_heads", 1);
        config.put("head_dim", HEAD_DIM);
        config.put("rms_norm_eps", 1e-6);
        config.put("vocab_size", vocabulary);
        config.put("max_position_embeddings", 1 << 17);
        config.put("rope_theta", 1e6);
        config.put("tie_word_embeddings", true);
        config.put("eos_token_id", end);
        return config;
    }

    private void save(Path file, int vocabulary, int spread) {
        add("model.embed_tokens", vocabulary, HIDDEN);
        float[] last = new float[HIDDEN];
        Arrays.fill(last, spread);
        tensors.put("model.norm.weight", MlxArray.of(last, HIDDEN));
        for (int i = 0; i < LAYERS; i++) {
            String layer = "model.layers." + i + ".";
            add(layer + "input_layernorm", HIDDEN);
            add(layer + "post_attention_layernorm", HIDDEN);
            add(layer + "self_attn.q_proj", HEADS * HEAD_DIM, HIDDEN);
            add(layer + "self_attn.k_proj", HEAD_DIM, HIDDEN);
            add(layer + "self_attn.v_proj", HEAD_DIM, HIDDEN);
            add(layer + "self_attn.o_proj", HIDDEN, HEADS * HEAD_DIM);
            add(layer + "self_attn.q_norm", HEAD_DIM);
            add(layer + "self_attn.k_norm", HEAD_DIM);
            add(layer + "mlp.gate_proj", INNER, HIDDEN);
            add(layer + "mlp.up_proj", INNER, HIDDEN);
            add(layer + "mlp.down_proj", HIDDEN, INNER);
        }
        Safetensors.save(file, tensors);
    }

    private void add(String name, int... shape) {
        float[] values = new float[shape.length == 1 ? shape[0] : shape[0] * shape[1]];
        for (int i = 0; i < values.length; i++) {
            values[i] = shape.length == 1 ? 1 : (float) (random.nextGaussian() / Math.sqrt(shape[1]));
        }
        tensors.put(name + ".weight", MlxArray.of(values, shape));
    }
}
