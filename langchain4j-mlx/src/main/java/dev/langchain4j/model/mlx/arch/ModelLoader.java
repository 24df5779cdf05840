package dev.langchain4j.model.mlx.arch;

import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.ModelNotFoundException;
import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.model.mlx.kv.KvFormat;
import dev.langchain4j.model.mlx.kv.LayerCache;
import dev.langchain4j.model.mlx.model.LanguageModel;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.ModelFolder;
import dev.langchain4j.model.mlx.model.Shard;
import dev.langchain4j.model.mlx.model.Stage;
import dev.langchain4j.model.mlx.model.TextPart;
import dev.langchain4j.model.mlx.model.Weights;
import dev.langchain4j.model.mlx.vision.VisionTower;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;

/**
 * Loads a model folder as mlx-community has them: config.json and safetensors. What is missing is a
 * {@link ModelNotFoundException}, what contradicts itself an {@link InvalidRequestException}.
 */
public final class ModelLoader {
    /**
     * A model and the weights that it borrows; the caller closes them.
     *
     * @param tower what makes features of pictures; null if the folder has no vision tower, or one that is not
     *     supported
     */
    public record Loaded(LanguageModel model, VisionTower tower, Weights weights, ModelConfig config) {

        /**
         * The same with layers that keep keys and values in this format.
         *
         * @throws InvalidRequestException if the architecture cannot work with it
         */
        public Loaded with(KvFormat format) {
            return format.equals(KvFormat.PLAIN)
                    ? this
                    : new Loaded(FormattedModel.of(model, format, config), tower, weights, config);
        }

        /** The same seen through another model. */
        public Loaded with(LanguageModel other) {
            return new Loaded(other, tower, weights, config);
        }
    }

    /** A length beyond all windows. */
    private static final int FAR = 1 << 22;

    private ModelLoader() {}

    /**
     * Loads the model on the current thread, which owns it from then on.
     *
     * @param type floating type of the weights; null keeps what the files have
     */
    public static Loaded load(Path folder, DType type) {
        return load(folder, ModelFolder.config(folder), type, false, null, false);
    }

    /** As {@link #load(Path, DType)}, for somebody who needs no logits: the head may be missing. */
    public static Loaded loadWithoutHead(Path folder, DType type, boolean expanded) {
        ModelConfig config = TextPart.withoutTower(ModelFolder.config(folder));
        return load(folder, config, type, expanded, null, false, Shard.WHOLE, Weights::withOptionalHead);
    }

    /**
     * Loads the model and puts an adapter on it, on the current thread, which owns both from then on.
     *
     * @param config config.json, with what is wanted otherwise
     * @param type floating type of the weights; null keeps what the files have
     * @param expanded whether quantized matrices become plain ones in single precision
     * @param adapter folder of the adapter; null for none
     * @param drafting whether heads that draft (MTP) are loaded, where the folder has them and the architecture knows
     *     them
     */
    public static Loaded load(
            Path folder, ModelConfig config, DType type, boolean expanded, Path adapter, boolean drafting) {
        return load(folder, config, type, expanded, adapter, drafting, Shard.WHOLE, weights -> weights);
    }

    /**
     * Loads a rank's share of a model, without a head that drafts.
     *
     * @param adapter folder of the adapter; null for none
     * @throws InvalidRequestException if the architecture cannot be split
     */
    public static Loaded loadShare(
            Path folder, ModelConfig config, DType type, boolean expanded, Path adapter, Shard shard) {
        ModelRegistry.checkSplits(config);
        return load(folder, config, type, expanded, adapter, false, shard, weights -> weights);
    }

    /**
     * Loads a rank's layers of a model, without a head that drafts.
     *
     * @param adapter folder of the adapter; null for none
     * @param format how layers keep keys and values
     * @throws InvalidRequestException if the layers of the architecture cannot be shared out, or are fewer than the
     *     ranks
     */
    public static Loaded loadStage(
            Path folder, ModelConfig config, DType type, boolean expanded, Path adapter, KvFormat format, Stage stage) {
        ModelRegistry.checkStages(config);
        Loaded own = load(folder, config, type, expanded, adapter, false, Shard.of(stage), weights -> weights);
        try {
            return own.with(StagedModel.of(own.with(format).model(), own.model(), stage, config));
        } catch (Throwable e) {
            own.weights().close();
            throw e;
        }
    }

    /**
     * What a model takes of memory.
     *
     * @param weightBytes its weights
     * @param bytesPerToken what each token adds to a sequence
     * @param fixedBytes what a sequence takes whatever its length
     */
    public record Memory(long weightBytes, long bytesPerToken, long fixedBytes) {}

    /** Measures a model that is not loaded: its layers say what they would take once they have seen a token. */
    public static Memory measure(Path folder, ModelConfig config, DType type, KvFormat format) {
        ModelRegistry.Architecture architecture = ModelRegistry.find(config);
        return ModelFolder.plan(
                folder,
                config,
                type,
                (c, tensors) -> sanitize(architecture, c, tensors, true),
                (c, weights) -> build(architecture, c, weights),
                part -> measured(
                        new Loaded(part.model().text, part.model().tower, part.weights(), config).with(format)));
    }

    private static Memory measured(Loaded plan) {
        List<LayerCache> layers = plan.model().newLayers();
        try {
            plan.model().forward(MlxArray.of(new int[] {0}, 1, 1), layers);
            long far = layers.stream().mapToLong(layer -> layer.bytesFor(FAR)).sum();
            long twice =
                    layers.stream().mapToLong(layer -> layer.bytesFor(2 * FAR)).sum();
            long perToken = (twice - far) / FAR;
            return new Memory(plan.weights().bytes(), perToken, far - perToken * FAR);
        } finally {
            layers.forEach(LayerCache::close);
        }
    }

    private static Loaded load(
            Path folder,
            ModelConfig config,
            DType type,
            boolean expanded,
            Path adapter,
            boolean drafting,
            Shard shard,
            UnaryOperator<Weights> prepared) {
        ModelRegistry.Architecture architecture = ModelRegistry.find(config);
        ModelFolder.Part<Built> part = ModelFolder.load(
                folder,
                config,
                type,
                expanded,
                adapter,
                shard,
                (c, tensors) -> sanitize(architecture, c, tensors, drafting),
                (c, weights) -> build(architecture, c, prepared.apply(weights)));
        return new Loaded(part.model().text, part.model().tower, part.weights(), config);
    }

    private record Built(LanguageModel text, VisionTower tower) {}

    /** The text part's sanitizer never meets the tensors of a tower that is going to be built. */
    private static void sanitize(
            ModelRegistry.Architecture architecture,
            ModelConfig config,
            Map<String, MlxArray> tensors,
            boolean drafting) {
        Map<String, MlxArray> tower = architecture.sees(config) ? TextPart.takeTower(tensors) : Map.of();
        BareNames.sanitize(config, tensors);
        if (!drafting) {
            MtpHead.drop(config, tensors);
        }
        architecture.sanitizer().sanitize(config, tensors);
        if (!tower.isEmpty()) {
            architecture.towerSanitizer().sanitize(config, tower);
            tensors.putAll(tower);
        }
    }

    private static Built build(ModelRegistry.Architecture architecture, ModelConfig config, Weights weights) {
        LanguageModel text = architecture.factory().create(config, weights);
        boolean sees = architecture.sees(config);
        return new Built(text, sees ? weights.tower(w -> architecture.tower().create(config, w)) : null);
    }
}
