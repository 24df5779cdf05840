package dev.langchain4j.model.mlx.testing;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** A model that knows nothing: one layer of random weights under the demo model's tokenizer. */
public final class RandomModel {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int HIDDEN = 32;
    private static final int HEAD = 32;

    private RandomModel() {}

    /**
     * Writes a model folder.
     *
     * @param template its chat template
     * @param specialTokens further special tokens of its tokenizer, such as a wire format's markers
     * @return the folder
     */
    public static Path write(Path folder, String template, List<String> specialTokens, long seed) {
        return write(folder, template, specialTokens, seed, HIDDEN, 1);
    }

    /**
     * Writes a model folder of a size.
     *
     * @param hidden length of its hidden states, a multiple of 32
     * @param layers number of its layers, each with 7 matrices of hidden x hidden single-precision numbers
     */
    public static Path write(
            Path folder, String template, List<String> specialTokens, long seed, int hidden, int layers) {
        try {
            Files.createDirectories(folder);
            Path demo = DemoModel.folder();
            ObjectNode tokenizer =
                    (ObjectNode) JSON.readTree(demo.resolve("tokenizer.json").toFile());
            ArrayNode added = (ArrayNode) tokenizer.get("added_tokens");
            int size = tokenizer.path("model").path("vocab").size();
            for (String token : specialTokens) {
                boolean known = false;
                for (var one : added) {
                    known |= one.path("content").asText().equals(token);
                }
                if (!known) {
                    ObjectNode one = added.get(0).deepCopy();
                    added.add(one.put("id", size++).put("content", token));
                }
            }
            JSON.writeValue(folder.resolve("tokenizer.json").toFile(), tokenizer);
            Files.writeString(folder.resolve("chat_template.jinja"), template);
            ObjectNode config =
                    (ObjectNode) JSON.readTree(demo.resolve("config.json").toFile());
            config.put("hidden_size", hidden)
                    .put("num_hidden_layers", layers)
                    .put("intermediate_size", hidden)
                    .put("num_attention_heads", hidden / HEAD)
                    .put("num_key_value_heads", hidden / HEAD)
                    .put("head_dim", HEAD)
                    .put("max_position_embeddings", 1 << 16)
                    .put("torch_dtype", "float32")
                    .put("vocab_size", size);
            JSON.writeValue(folder.resolve("config.json").toFile(), config);
            Files.write(folder.resolve("model.safetensors"), weights(size, hidden, layers, new Random(seed)));
            return folder;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static byte[] weights(int vocabulary, int hidden, int layers, Random random) throws IOException {
        Map<String, int[]> shapes = new LinkedHashMap<>();
        shapes.put("model.embed_tokens.weight", new int[] {vocabulary, hidden});
        shapes.put("model.norm.weight", new int[] {hidden});
        for (int i = 0; i < layers; i++) {
            String layer = "model.layers." + i + ".";
            for (String norm : List.of("input_layernorm", "post_attention_layernorm")) {
                shapes.put(layer + norm + ".weight", new int[] {hidden});
            }
            for (String norm : List.of("self_attn.q_norm", "self_attn.k_norm")) {
                shapes.put(layer + norm + ".weight", new int[] {HEAD});
            }
            for (String linear : List.of(
                    "self_attn.q_proj",
                    "self_attn.k_proj",
                    "self_attn.v_proj",
                    "self_attn.o_proj",
                    "mlp.gate_proj",
                    "mlp.up_proj",
                    "mlp.down_proj")) {
                shapes.put(layer + linear + ".weight", new int[] {hidden, hidden});
            }
        }
        ObjectNode header = JSON.createObjectNode();
        int bytes = 0;
        for (Map.Entry<String, int[]> e : shapes.entrySet()) {
            ObjectNode tensor = header.putObject(e.getKey()).put("dtype", "F32");
            ArrayNode shape = tensor.putArray("shape");
            int count = 1;
            for (int dimension : e.getValue()) {
                shape.add(dimension);
                count *= dimension;
            }
            tensor.putArray("data_offsets").add(bytes).add(bytes + 4 * count);
            bytes += 4 * count;
        }
        byte[] json = header.toString().getBytes(StandardCharsets.UTF_8);
        ByteBuffer file = ByteBuffer.allocate(8 + json.length + bytes).order(ByteOrder.LITTLE_ENDIAN);
        file.putLong(json.length).put(json);
        while (file.hasRemaining()) {
            file.putFloat((float) (random.nextGaussian() * 0.2));
        }
        return file.array();
    }
}
