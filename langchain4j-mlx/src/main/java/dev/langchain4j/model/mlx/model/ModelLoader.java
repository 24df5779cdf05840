package dev.langchain4j.model.mlx.model;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.LangChain4jException;
import dev.langchain4j.exception.ModelNotFoundException;
import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.Eval;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.MlxMemory;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.mlx.Safetensors;
import dev.langchain4j.mlx.Scope;
import dev.langchain4j.model.mlx.cache.KvFormat;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.function.BiConsumer;
import java.util.function.BiFunction;

/**
 * Loads a model folder as mlx-community has them: config.json and safetensors. What is missing is a
 * {@link ModelNotFoundException}, what contradicts itself an {@link InvalidRequestException}.
 */
public final class ModelLoader {
    private static final long JSON_BYTES_MAX = 64L << 20;

    /** Python writes Infinity and NaN as they are. */
    private static final ObjectMapper JSON = JsonMapper.builder()
            .enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS)
            .build();

    /** A model and the weights that it borrows; the caller closes them. */
    public record Loaded(LanguageModel model, Weights weights, ModelConfig config) {

        /**
         * The same with layers that keep keys and values in this format.
         *
         * @throws InvalidRequestException if the architecture cannot work with it
         */
        public Loaded with(KvFormat format) {
            return format.equals(KvFormat.PLAIN)
                    ? this
                    : new Loaded(FormattedModel.of(model, format, config), weights, config);
        }
    }

    /** Something that was built of weights, and the weights that it borrows; the caller closes them. */
    public record Part<T>(T model, Weights weights) {}

    private ModelLoader() {}

    /** The config.json of a folder. */
    public static ModelConfig config(Path folder) {
        if (!Files.isDirectory(folder)) {
            throw new ModelNotFoundException("there is no model folder " + folder.toAbsolutePath());
        }
        Path file = folder.resolve("config.json");
        if (!Files.isRegularFile(file)) {
            throw new ModelNotFoundException("the model folder " + folder.toAbsolutePath() + " has no config.json");
        }
        return new ModelConfig(json(file), file.toString());
    }

    /** The JSON of a file of a model folder. */
    public static JsonNode json(Path file) {
        try {
            if (Files.exists(file) && !Files.isRegularFile(file)) {
                throw new InvalidRequestException(file + " must be a regular file");
            }
            if (Files.size(file) > JSON_BYTES_MAX) {
                throw new InvalidRequestException(
                        file + " has " + Files.size(file) + " bytes, but at most " + JSON_BYTES_MAX + " are read");
            }
            JsonNode json = JSON.readTree(file.toFile());
            if (json.isMissingNode()) {
                throw new InvalidRequestException(file + " is no JSON: it is empty");
            }
            return json;
        } catch (JacksonException e) {
            throw new InvalidRequestException(file + " is no JSON: " + e.getOriginalMessage(), e);
        } catch (IOException e) {
            throw new ModelNotFoundException("cannot read " + file + ": " + e.getMessage(), e);
        }
    }

    /**
     * Loads the model on the current thread, which owns it from then on.
     *
     * @param type floating type of the weights; null keeps what the files have
     */
    public static Loaded load(Path folder, DType type) {
        return load(folder, type, null);
    }

    /**
     * Loads the model and puts an adapter on it, on the current thread, which owns both from then on.
     *
     * @param type floating type of the weights; null keeps what the files have
     * @param adapter folder of the adapter; null for none
     */
    public static Loaded load(Path folder, DType type, Path adapter) {
        ModelConfig config = config(folder);
        ModelRegistry.Architecture architecture = ModelRegistry.find(config);
        BiConsumer<ModelConfig, Map<String, MlxArray>> sanitizer = BareNames::sanitize;
        Part<LanguageModel> part = load(
                folder,
                type,
                adapter,
                sanitizer.andThen(architecture.sanitizer()::sanitize),
                (c, weights) -> architecture.factory().create(c, weights));
        return new Loaded(part.model(), part.weights(), config);
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
        return load(folder, type, null, sanitizer, factory);
    }

    private static <T> Part<T> load(
            Path folder,
            DType type,
            Path adapter,
            BiConsumer<ModelConfig, Map<String, MlxArray>> sanitizer,
            BiFunction<ModelConfig, Weights, T> factory) {
        ModelConfig config = config(folder);
        Weights weights = null;
        try (Scope scope = Scope.open()) {
            Quantization quantization = Quantization.of(config);
            Map<String, MlxArray> tensors = tensors(folder);
            sanitizer.accept(config, tensors);
            if (type != null) {
                tensors.replaceAll((name, a) -> a.dtype().isFloating() ? Ops.astype(a, type) : a);
            }
            Adapter changes = adapter == null ? null : Adapter.load(adapter, type);
            if (changes != null) {
                changes.replace(tensors);
            }
            weights = new Weights(folder.toString(), quantization, tensors, changes);
            T model = factory.apply(config, weights);
            weights.checkAllUsed();
            Eval.eval(weights.all());
            return new Part<>(model, weights);
        } catch (LangChain4jException e) {
            close(weights);
            throw e;
        } catch (RuntimeException e) {
            // whatever a folder from anywhere makes fail is the folder's fault for its user
            close(weights);
            throw new InvalidRequestException("cannot load the model in " + folder + ": " + e.getMessage(), e);
        }
    }

    private static Map<String, MlxArray> tensors(Path folder) {
        Set<Path> files = Safetensors.files(folder);
        if (files.isEmpty()) {
            throw new ModelNotFoundException("the model folder " + folder.toAbsolutePath()
                    + " has no weights: model.safetensors, or shards and model.safetensors.index.json");
        }
        checkMemory(folder, files);
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

    private static void checkMemory(Path folder, Set<Path> files) {
        long needed = files.stream().mapToLong(Safetensors::dataBytes).sum();
        long limit = MlxMemory.limitBytes();
        if (limit > 0 && needed > limit) {
            throw new InvalidRequestException("the weights in " + folder + " take " + needed
                    + " bytes, but MLX may use " + limit + " on this machine");
        }
    }

    private static void close(Weights weights) {
        if (weights != null) {
            weights.close();
        }
    }
}
