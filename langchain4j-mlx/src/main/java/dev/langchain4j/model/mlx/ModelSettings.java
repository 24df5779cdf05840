package dev.langchain4j.model.mlx;

import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.Fast;
import dev.langchain4j.mlx.MlxMemory;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.model.mlx.arch.ModelRegistry;
import dev.langchain4j.model.mlx.cache.CacheKey;
import dev.langchain4j.model.mlx.generate.PrefillChunks;
import dev.langchain4j.model.mlx.hub.HuggingFaceHub;
import dev.langchain4j.model.mlx.hub.LocatedModel;
import dev.langchain4j.model.mlx.kv.KvFormat;
import dev.langchain4j.model.mlx.model.ModelConfig;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Rules of settings that the builders of several models have, and how those find a model. */
final class ModelSettings {
    private ModelSettings() {}

    static Path absolute(Path folder) {
        return folder == null ? null : folder.toAbsolutePath().normalize();
    }

    /** What must be equal for two loaded models to share a prompt cache. */
    static CacheKey cacheKey(Path folder, Path adapter, String draftModel, DType type, String format) {
        return new CacheKey(
                folder.toString(),
                "",
                adapter == null ? "" : adapter.toString(),
                draftModel,
                (type == null ? "native" : type.name()) + format);
    }

    /** Tokens that are prefilled at once: what was set, else what suits the device. */
    static int chunkTokens(Integer set) {
        return set != null ? set : MlxMemory.limits().prefillChunkTokens();
    }

    /** Chunks of so many tokens, shorter where attention would store more scores than suit the device. */
    static PrefillChunks chunks(int tokens, ModelConfig config, KvFormat format, DType type, MlxThread thread) {
        long scoreBytes = scoreBytes(config, format, type, thread);
        return new PrefillChunks(tokens, scoreBytes, MlxMemory.limits().scoreBytes());
    }

    /** Bytes of attention scores for each new token and token that it attends to; 0 if no layer stores them. */
    private static long scoreBytes(ModelConfig config, KvFormat format, DType type, MlxThread thread) {
        ModelConfig text = config.has("text_config") ? config.section("text_config") : config;
        int heads = text.count("num_attention_heads", 0);
        if (heads == 0) {
            return 0;
        }
        int dim = text.count("head_dim", Math.max(1, text.count("hidden_size", 1) / heads));
        boolean stored = format.bits() > 0
                || ModelRegistry.storesScores(config)
                || !thread.call(() -> Fast.isAttentionFused(dim, type));
        int bytes = type == DType.FLOAT32 ? Float.BYTES : Short.BYTES;
        // scores, and what softmax makes of them
        return stored ? 2L * bytes * heads : 0;
    }

    /** Refuses a request for another model than this; null is a request that names none. */
    static void sameModel(String asked, String name) {
        if (asked != null && !asked.equals(name)) {
            throw new UnsupportedFeatureException("modelName (" + asked + ") is not supported: this model is " + name);
        }
    }

    /** Refuses what is below 1; null is a setting that was left open. */
    static void atLeastOne(String setting, Integer value) {
        if (value != null && value < 1) {
            throw new InvalidRequestException(setting + " (" + value + ") must be at least 1");
        }
    }

    /** Refuses none and more than one, of names each followed by its value. */
    static void onlyOne(Object... namesAndValues) {
        List<String> all = new ArrayList<>();
        int set = 0;
        for (int i = 0; i < namesAndValues.length; i += 2) {
            all.add(namesAndValues[i] + " (" + namesAndValues[i + 1] + ")");
            set += namesAndValues[i + 1] == null ? 0 : 1;
        }
        if (set != 1) {
            String last = all.removeLast();
            throw new InvalidRequestException(
                    String.join(", ", all) + " or " + last + " must be set, and only one of them");
        }
    }

    /** The folder, or else what the hub has under a name; without a hub that of the environment. */
    static LocatedModel locate(Path folder, String modelName, HuggingFaceHub hub) {
        NativeParts.loadLibraries();
        if (folder != null) {
            return LocatedModel.of(folder);
        }
        return (hub != null ? hub : HuggingFaceHub.fromEnvironment()).locate(modelName);
    }

    /** The loaded model, which stays its owner's, or else a share of the one of that name or in that folder. */
    static SharedModels.Share share(MlxModel model, String modelName, Path folder, HuggingFaceHub hub) {
        onlyOne("model", model == null ? null : model.name(), "modelName", modelName, "modelPath", folder);
        return model != null ? SharedModels.borrowed(model) : SharedModels.acquire(folder, modelName, hub);
    }

    /** What layers keep of keys and values; null is a setting that was left open. */
    static KvFormat kvFormat(Integer kvBits, Integer kvGroupSize, Integer quantizedKvStart, Integer maxKvSize) {
        oneOf("kvBits", kvBits, List.of(2, 3, 4, 5, 6, 8));
        oneOf("kvGroupSize", kvGroupSize, List.of(32, 64, 128));
        if (quantizedKvStart != null && quantizedKvStart < 0) {
            throw new InvalidRequestException("quantizedKvStart (" + quantizedKvStart + ") must not be negative");
        }
        if (maxKvSize != null && maxKvSize <= KvFormat.KEEP) {
            throw new InvalidRequestException("maxKvSize (" + maxKvSize + ") must be at least " + (KvFormat.KEEP + 1)
                    + ": the first " + KvFormat.KEEP + " tokens always stay");
        }
        if (kvBits != null && maxKvSize != null) {
            throw new InvalidRequestException("kvBits (" + kvBits + ") and maxKvSize (" + maxKvSize
                    + ") must not be set together: a KV cache that rotates is not quantized");
        }
        return new KvFormat(
                kvBits == null ? 0 : kvBits,
                kvBits == null || kvGroupSize == null ? 64 : kvGroupSize,
                kvBits == null || quantizedKvStart == null ? 0 : quantizedKvStart,
                maxKvSize == null ? 0 : maxKvSize);
    }

    private static void oneOf(String setting, Integer value, List<Integer> allowed) {
        if (value != null && !allowed.contains(value)) {
            throw new InvalidRequestException(setting + " (" + value + ") must be one of " + allowed);
        }
    }
}
