package dev.langchain4j.model.mlx.model;

import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.LangChain4jException;
import dev.langchain4j.exception.ModelNotFoundException;
import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.Eval;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.MlxException;
import dev.langchain4j.mlx.MlxMemory;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.mlx.Safetensors;
import dev.langchain4j.mlx.Scope;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.function.BiConsumer;
import java.util.function.BiFunction;
import java.util.function.Function;

/** Reads a model folder: its config.json, and its weights into what is built of them. */
public final class ModelFolder {
    /** Something that was built of weights, and the weights that it borrows; the caller closes them. */
    public record Part<T>(T model, Weights weights) {}

    private ModelFolder() {}

    /** The config.json of a folder. */
    public static ModelConfig config(Path folder) {
        if (!Files.isDirectory(folder)) {
            throw new ModelNotFoundException("there is no model folder " + folder.toAbsolutePath());
        }
        Path file = folder.resolve("config.json");
        if (!Files.isRegularFile(file)) {
            throw new ModelNotFoundException(
                    "the model folder " + folder.toAbsolutePath() + " has no config.json" + OtherFormats.hint(folder));
        }
        return new ModelConfig(JsonFiles.read(file), file.toString());
    }

    /**
     * The config.json of a folder that must have weights, too.
     *
     * @throws ModelNotFoundException if it has none that are read here, with what it has instead
     */
    public static ModelConfig configWithWeights(Path folder) {
        ModelConfig config = config(folder);
        weightFiles(folder);
        return config;
    }

    private static Set<Path> weightFiles(Path folder) {
        Set<Path> files;
        try {
            files = Safetensors.files(folder);
        } catch (MlxException e) {
            throw new InvalidRequestException("cannot load the model in " + folder + ": " + e.getMessage(), e);
        }
        if (files.isEmpty()) {
            throw new ModelNotFoundException("the model folder " + folder.toAbsolutePath()
                    + " has no weights: model.safetensors, or shards and model.safetensors.index.json"
                    + OtherFormats.hint(folder));
        }
        return files;
    }

    /**
     * Loads what is built of a folder's weights on the current thread, which owns it from then on.
     *
     * @param type floating type of the weights; null keeps what the files have
     * @param sanitizer brings the tensors into the form that the factory asks for, in place
     * @param factory must ask for every tensor
     */
    public static <T> Part<T> load(
            Path folder,
            DType type,
            BiConsumer<ModelConfig, Map<String, MlxArray>> sanitizer,
            BiFunction<ModelConfig, Weights, T> factory) {
        return load(folder, config(folder), type, false, null, Shard.WHOLE, sanitizer, factory);
    }

    /**
     * As {@link #load(Path, DType, BiConsumer, BiFunction)}, with another config than the folder's, and the adapter of
     * a folder on the weights; null for none.
     *
     * @param expanded whether quantized matrices become plain ones in single precision
     * @param shard what layers load; as far as tensors can be read in parts, only that is read
     */
    public static <T> Part<T> load(
            Path folder,
            ModelConfig config,
            DType type,
            boolean expanded,
            Path adapter,
            Shard shard,
            BiConsumer<ModelConfig, Map<String, MlxArray>> sanitizer,
            BiFunction<ModelConfig, Weights, T> factory) {
        Part<T> part = null;
        MlxMemory.WeightClaim claim = null;
        try (Scope scope = Scope.open()) {
            // counted before they are read, so that what does not fit is refused and not swapped
            claim = MlxMemory.claimWeights(weightBytes(folder, config, type, expanded) / shard.ranks());
            part = build(folder, config, type, expanded, adapter, shard, sanitizer, factory);
            Eval.eval(part.weights().all());
            part.weights().holds(claim);
            return part;
        } catch (Throwable e) {
            close(part == null ? null : part.weights(), claim);
            throw failure(folder, e);
        }
    }

    /**
     * Asks something of what would be built of a folder's weights: only headers are read, and nothing is computed.
     *
     * @param question may build graphs over the weights, which are gone afterwards
     */
    public static <T, R> R plan(
            Path folder,
            ModelConfig config,
            DType type,
            BiConsumer<ModelConfig, Map<String, MlxArray>> sanitizer,
            BiFunction<ModelConfig, Weights, T> factory,
            Function<Part<T>, R> question) {
        try (Scope scope = Scope.open()) {
            Part<T> part = build(folder, config, type, false, null, Shard.WHOLE, sanitizer, factory);
            try (Weights weights = part.weights()) {
                return question.apply(part);
            }
        } catch (Throwable e) {
            throw failure(folder, e);
        }
    }

    private static <T> Part<T> build(
            Path folder,
            ModelConfig config,
            DType type,
            boolean expanded,
            Path adapter,
            Shard shard,
            BiConsumer<ModelConfig, Map<String, MlxArray>> sanitizer,
            BiFunction<ModelConfig, Weights, T> factory) {
        Quantization quantization = Quantization.of(config);
        Map<String, MlxArray> tensors = tensors(folder);
        sanitizer.accept(config, tensors);
        if (type != null) {
            tensors.replaceAll((name, a) -> a.dtype().isFloating() ? Partwise.map(a, x -> Ops.astype(x, type)) : a);
        }
        Adapter changes = adapter == null ? null : Adapter.load(adapter, type);
        if (changes != null) {
            changes.replace(tensors);
        }
        Weights weights = new Weights(folder.toString(), quantization, tensors, changes).sharded(shard);
        try {
            if (expanded) {
                weights.expandQuantized();
            }
            T model = factory.apply(config, weights);
            weights.checkAllUsed();
            return new Part<>(model, weights);
        } catch (Throwable e) {
            weights.close();
            throw e;
        }
    }

    /** Whatever a folder from anywhere makes fail is the folder's fault for its user. */
    private static RuntimeException failure(Path folder, Throwable e) {
        if (e instanceof Error error) {
            throw error;
        }
        return e instanceof LangChain4jException known
                ? known
                : new InvalidRequestException("cannot load the model in " + folder + ": " + e.getMessage(), e);
    }

    private static Map<String, MlxArray> tensors(Path folder) {
        Set<Path> files = weightFiles(folder);
        Map<String, MlxArray> tensors = new LinkedHashMap<>();
        Map<String, Path> origins = new HashMap<>();
        for (Path file : files) {
            Safetensors.load(file).forEach((name, tensor) -> {
                Path other = origins.put(name, file);
                if (other != null) {
                    throw new InvalidRequestException("tensor " + name + " is in two files of " + folder + ": "
                            + other.getFileName() + " and " + file.getFileName());
                }
                tensors.put(name, tensor);
            });
        }
        return tensors;
    }

    /**
     * Bytes that a folder's weights take in memory, as the headers of their files say.
     *
     * @param type floating type that they are converted to; null keeps what the files have
     */
    public static long weightBytes(Path folder, DType type) {
        try {
            return weightFiles(folder).stream()
                    .mapToLong(file -> Safetensors.dataBytes(file, type))
                    .sum();
        } catch (MlxException e) {
            throw failure(folder, e);
        }
    }

    /**
     * As {@link #weightBytes(Path, DType)}.
     *
     * @param expanded whether quantized matrices become plain ones in single precision
     */
    public static long weightBytes(Path folder, ModelConfig config, DType type, boolean expanded) {
        return expanded ? expandedBytes(folder, config, type) : weightBytes(folder, type);
    }

    /** How the weights of a folder are quantized, in words, else their type; empty if config.json does not say. */
    public static String quantization(ModelConfig config) {
        Quantization quantization = Quantization.of(config);
        if (quantization != null) {
            return quantization.toString();
        }
        ModelConfig text = config.has("text_config") ? config.section("text_config") : config;
        String type = config.text("torch_dtype", config.text("dtype", ""));
        return type.isEmpty() ? text.text("torch_dtype", text.text("dtype", "")) : type;
    }

    /**
     * Bytes of a folder's weights with quantized matrices as plain ones in single precision, before they are read; -1
     * if none is quantized.
     *
     * @throws InvalidRequestException if a file is not what it should be
     */
    public static long expandedBytes(Path folder, ModelConfig config, DType type) {
        Quantization quantization = Quantization.of(config);
        if (quantization == null) {
            return -1;
        }
        try {
            return weightFiles(folder).stream()
                    .mapToLong(file -> Safetensors.expandedBytes(file, type, quantization.groupSize()))
                    .sum();
        } catch (MlxException e) {
            throw failure(folder, e);
        }
    }

    private static void close(Weights weights, MlxMemory.WeightClaim claim) {
        if (weights != null) {
            weights.close();
        }
        if (claim != null) {
            claim.close();
        }
    }
}
