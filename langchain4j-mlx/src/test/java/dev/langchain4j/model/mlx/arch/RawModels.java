package dev.langchain4j.model.mlx.arch;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.mlx.Quantized;
import dev.langchain4j.mlx.Quantized.Format;
import dev.langchain4j.mlx.Random;
import dev.langchain4j.mlx.Safetensors;
import dev.langchain4j.mlx.Scope;
import dev.langchain4j.model.mlx.arch.RawLayoutTest.Undo;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.ModelFolder;
import dev.langchain4j.model.mlx.testing.Goldens;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/**
 * Folders in the layout of Hugging Face, of architectures that ranks split: small models of the goldens made so wide
 * that a rank's rows and columns are worth a read each.
 */
public final class RawModels {
    /** The golden model that it is made of, settings that differ from common ones, and the way to the raw layout. */
    private record Kind(String golden, Map<String, Integer> wider, String more, Undo undo) {}

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Pattern OTHER_SHAPE = Pattern.compile("tensor (\\S+) in .* implies \\[([\\d, ]+)]");
    private static final Map<String, Integer> WIDE = Map.ofEntries(
            Map.entry("hidden_size", 256),
            Map.entry("intermediate_size", 1024),
            Map.entry("moe_intermediate_size", 256),
            Map.entry("shared_expert_intermediate_size", 256),
            Map.entry("head_dim", 64),
            Map.entry("linear_key_head_dim", 64),
            Map.entry("linear_value_head_dim", 64),
            Map.entry("kv_lora_rank", 128),
            Map.entry("q_lora_rank", 128),
            Map.entry("qk_nope_head_dim", 64),
            Map.entry("qk_rope_head_dim", 64),
            Map.entry("v_head_dim", 256));

    private static final Map<String, Kind> KINDS = new TreeMap<>(Map.of(
            "qwen3_moe", new Kind("qwen3_moe", Map.of(), "{}", RawModels::unstack),
            "qwen3_moe-q4",
                    new Kind(
                            "qwen3_moe",
                            Map.of("moe_intermediate_size", 2048, "intermediate_size", 2048, "head_dim", 512),
                            "{'quantization': {'group_size': 64, 'bits': 4}}",
                            tensors -> {
                                quantize(tensors);
                                unstack(tensors);
                            }),
            "qwen3_next",
                    new Kind("qwen3_next", Map.of(), "{}", tensors -> {
                        turnKernels(tensors);
                        unstack(tensors);
                    }),
            "qwen3_5_moe",
                    new Kind("qwen3_5_moe", Map.of(), "{}", tensors -> {
                        turnKernels(tensors);
                        RawLayoutTest.fuse(tensors, "switch_mlp", "experts.");
                        RawLayoutTest.rename(tensors, "language_model.model.", "model.language_model.");
                    }),
            "glm4_moe", new Kind("glm4_moe", Map.of(), "{}", RawModels::unstack),
            "gpt_oss",
                    new Kind(
                            "gpt_oss",
                            Map.of("hidden_size", 1024, "intermediate_size", 2048),
                            "{'quantization_config': {'quant_method': 'mxfp4'}}",
                            RawModels::inTurns),
            "deepseek_v3",
                    new Kind(
                            "deepseek_v3",
                            Map.of("moe_intermediate_size", 1024),
                            "{'quantization_config': {'quant_method': 'fp8'}}",
                            tensors -> {
                                unstack(tensors);
                                joinKeysAndValues(tensors);
                                toFp8Blocks(tensors);
                            }),
            "kimi_k2",
                    new Kind(
                            "deepseek_v3",
                            Map.of("moe_intermediate_size", 2048),
                            "{'model_type': 'kimi_k2', 'quantization_config':"
                                    + " {'quant_method': 'compressed-tensors', 'format': 'pack-quantized'}}",
                            tensors -> {
                                unstack(tensors);
                                joinKeysAndValues(tensors);
                                toPackedWords(tensors);
                            })));

    private RawModels() {}

    /** All of them. */
    public static List<String> names() {
        return List.copyOf(KINDS.keySet());
    }

    /** Writes one of them, with the prompt of the golden model beside it. */
    public static Path write(Path folder, String name) {
        Kind kind = KINDS.get(name);
        Path golden = Goldens.own("models").resolve(kind.golden);
        try (MlxThread thread = MlxThread.start("raw")) {
            Files.createDirectories(folder);
            ObjectNode config =
                    (ObjectNode) JSON.readTree(golden.resolve("config.json").toFile());
            ObjectNode text = config.has("text_config") ? (ObjectNode) config.get("text_config") : config;
            Map<String, Integer> wide = new TreeMap<>(WIDE);
            wide.putAll(kind.wider);
            wide.forEach((field, width) -> {
                if (text.has(field)) {
                    text.put(field, width);
                }
            });
            config.setAll((ObjectNode) JSON.readTree(kind.more.replace('\'', '"')));
            JSON.writeValue(folder.resolve("config.json").toFile(), config);
            Files.copy(golden.resolve("golden.safetensors"), folder.resolve("golden.safetensors"));
            thread.run(() -> {
                try (Scope scope = Scope.open()) {
                    Map<String, MlxArray> tensors = widened(golden, ModelFolder.config(folder));
                    kind.undo.apply(tensors);
                    tensors.replaceAll((tensor, a) -> Indexing.contiguous(a));
                    Safetensors.save(folder.resolve("model.safetensors"), tensors);
                }
            });
            return folder;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Writes the same model in the layout of MLX. */
    public static Path convert(Path raw, Path folder) {
        try (MlxThread thread = MlxThread.start("raw")) {
            Files.createDirectories(folder);
            Files.copy(raw.resolve("config.json"), folder.resolve("config.json"));
            thread.run(() -> {
                try (Scope scope = Scope.open()) {
                    ModelConfig config = ModelFolder.config(raw);
                    Map<String, MlxArray> tensors =
                            new LinkedHashMap<>(Safetensors.load(raw.resolve("model.safetensors")));
                    ModelRegistry.find(config).sanitizer().sanitize(config, tensors);
                    Safetensors.save(folder.resolve("model.safetensors"), tensors);
                }
            });
            return folder;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Random tensors with the names of a folder, in the shapes that another config implies: it says which. */
    private static Map<String, MlxArray> widened(Path golden, ModelConfig config) {
        Map<String, MlxArray> wide = new TreeMap<>();
        ModelRegistry.Architecture architecture = ModelRegistry.find(config);
        while (true) {
            try {
                ModelFolder.plan(
                        golden,
                        config,
                        null,
                        (c, tensors) -> {
                            architecture.sanitizer().sanitize(c, tensors);
                            tensors.keySet().removeIf(name -> name.startsWith("vision_tower"));
                            tensors.replaceAll(
                                    (name, a) -> wide.getOrDefault(name, a).share());
                        },
                        (c, weights) -> architecture.factory().create(c, weights),
                        part -> 0);
                Map<String, MlxArray> all = new TreeMap<>(Safetensors.load(golden.resolve("model.safetensors")));
                all.keySet().removeIf(name -> name.startsWith("vision_tower"));
                all.replaceAll((name, a) -> wide.getOrDefault(name.replace("language_model.", ""), a));
                return all;
            } catch (InvalidRequestException e) {
                Matcher m = OTHER_SHAPE.matcher(e.getMessage());
                if (!m.find()) {
                    throw e;
                }
                int[] shape = Arrays.stream(m.group(2).split(", "))
                        .mapToInt(Integer::parseInt)
                        .toArray();
                MlxArray random = Random.normal(Random.key(wide.size()), shape);
                wide.put(m.group(1), Ops.multiply(random, 0.1));
            }
        }
    }

    private static void unstack(Map<String, MlxArray> tensors) {
        RawLayoutTest.unstack(tensors, Map.of());
    }

    private static void turnKernels(Map<String, MlxArray> tensors) {
        replace(tensors, ".*conv1d\\.weight", a -> Indexing.swapAxes(a, 1, 2));
    }

    private static void replace(Map<String, MlxArray> tensors, String names, UnaryOperator<MlxArray> change) {
        tensors.replaceAll((name, a) -> name.matches(names) ? change.apply(a) : a);
    }

    private static void quantize(Map<String, MlxArray> tensors) {
        for (String name : List.copyOf(tensors.keySet())) {
            if (name.matches(".*_proj\\.weight")) {
                String layer = name.substring(0, name.length() - "weight".length());
                MlxArray[] parts = Quantized.quantize(tensors.get(name), new Format(64, 4, "affine"));
                tensors.put(name, parts[0]);
                tensors.put(layer + "scales", parts[1]);
                tensors.put(layer + "biases", parts[2]);
            }
        }
    }

    /** Gates and values of gpt-oss row by row in turns, in blocks of packed bytes. */
    private static void inTurns(Map<String, MlxArray> tensors) {
        for (String name : List.copyOf(tensors.keySet())) {
            if (name.matches(".*\\.(up|down)_proj\\.(weight|bias)")) {
                String raw = name.replace(".up_proj", ".gate_up_proj").replace(".weight", "");
                MlxArray own = tensors.remove(name);
                if (name.contains(".up_proj")) {
                    MlxArray gate = tensors.remove(name.replace(".up_proj", ".gate_proj"));
                    own = Indexing.flatten(Indexing.stack(2, gate, own), 1, 2);
                }
                if (name.endsWith("bias")) {
                    tensors.put(raw.replace(".bias", "_bias"), own);
                    continue;
                }
                MlxArray[] parts = Quantized.quantize(own, new Format(32, 4, "mxfp4"));
                MlxArray bytes = Indexing.view(parts[0], DType.UINT8);
                tensors.put(raw + "_blocks", Indexing.unflatten(bytes, -1, bytes.dim(-1) / 16, 16));
                tensors.put(raw + "_scales", parts[1]);
            }
        }
    }

    private static void joinKeysAndValues(Map<String, MlxArray> tensors) {
        for (String name : List.copyOf(tensors.keySet())) {
            if (name.endsWith("embed_q.weight")) {
                String attention = name.substring(0, name.length() - "embed_q.weight".length());
                MlxArray keys = Indexing.swapAxes(tensors.remove(name), -1, -2);
                MlxArray both = Indexing.concatenate(1, keys, tensors.remove(attention + "unembed_out.weight"));
                tensors.put(attention + "kv_b_proj.weight", Indexing.flatten(both, 0, 1));
            }
        }
    }

    private static void toFp8Blocks(Map<String, MlxArray> tensors) {
        for (String name : List.copyOf(tensors.keySet())) {
            MlxArray matrix = tensors.get(name);
            if (name.matches(".*_proj(_with_mqa)?\\.weight")) {
                int[] blocks = {Math.ceilDiv(matrix.dim(0), 128), Math.ceilDiv(matrix.dim(1), 128)};
                MlxArray bits = Random.normal(Random.key(tensors.size()), matrix.shape());
                // of 0x00 to 0x3f: numbers below 2
                tensors.put(
                        name,
                        Ops.astype(
                                Ops.minimum(Ops.multiply(Ops.square(bits), 16), MlxArray.scalar(63, DType.FLOAT32)),
                                DType.UINT8));
                MlxArray scales = Random.normal(Random.key(1), blocks);
                tensors.put(name + "_scale_inv", Ops.multiply(scales, 0.05));
            }
        }
    }

    private static void toPackedWords(Map<String, MlxArray> tensors) {
        for (String name : List.copyOf(tensors.keySet())) {
            if (name.matches(".*\\.experts\\.\\d+\\.\\w+\\.weight")) {
                MlxArray[] parts = Quantized.quantize(tensors.remove(name), new Format(32, 4, "affine"));
                tensors.put(name + "_packed", Indexing.view(parts[0], DType.INT32));
                tensors.put(name + "_scale", Ops.astype(parts[1], DType.BFLOAT16));
                tensors.put(name + "_shape", MlxArray.of(new int[2], 2));
            }
        }
    }

    /** Some token ids that all of them know. */
    static MlxArray tokens() {
        return MlxArray.of(IntStream.range(0, 24).map(i -> i * 5 % 160).toArray(), 1, 24);
    }
}
