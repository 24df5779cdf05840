package dev.langchain4j.model.mlx;

import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.Doctor;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.model.mlx.arch.ModelLoader;
import dev.langchain4j.model.mlx.arch.ModelRegistry;
import dev.langchain4j.model.mlx.hub.LocatedModel;
import dev.langchain4j.model.mlx.kv.KvFormat;
import dev.langchain4j.model.mlx.model.Adapter;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.ModelFolder;
import dev.langchain4j.model.mlx.model.TextPart;
import dev.langchain4j.model.mlx.ranks.Ranks;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What is particular about loading a model that is split over ranks. */
final class RankParts {
    private static final Logger log = LoggerFactory.getLogger(RankParts.class);
    /** Changes whenever what ranks tell one another does. */
    private static final int FORMAT = 3;

    private RankParts() {}

    /**
     * Joins the other ranks.
     *
     * @throws InvalidRequestException for what a split model cannot have, before weights are read
     */
    static Ranks join(MlxModel.Builder builder, ModelConfig config, MlxThread thread, OpenParts parts) {
        check(builder, config);
        return parts.add(Ranks.join(builder.cluster.settings(), isPipeline(builder.cluster, config), thread));
    }

    /** Whether each rank has some of the layers, not a share of each. */
    private static boolean isPipeline(MlxCluster cluster, ModelConfig config) {
        return cluster.pipeline() != null ? cluster.pipeline() : !ModelRegistry.dividesHeads(config, cluster.size());
    }

    /**
     * What a key of what is kept of layers says of the weights: with others, and in another split, it is of no use.
     *
     * @param cluster null if this process has all of the model
     */
    static String kept(MlxCluster cluster, ModelConfig config, boolean expanded) {
        String split = cluster == null
                ? ""
                : " over " + cluster.size() + (isPipeline(cluster, config) ? " stages" : " shares");
        return (expanded ? " expanded" : "") + split;
    }

    private static void check(MlxModel.Builder builder, ModelConfig config) {
        if (isPipeline(builder.cluster, config)) {
            ModelRegistry.checkStages(config);
        } else {
            ModelRegistry.checkSplits(config);
        }
        if (builder.adapter != null) {
            Adapter.check(builder.adapter);
        }
    }

    /**
     * Loads this rank's share, when all have said that they have the same model.
     *
     * @param settings what else must be equal
     */
    static ModelLoader.Loaded load(
            Ranks ranks,
            MlxModel.Builder builder,
            Path folder,
            ModelConfig config,
            DType type,
            boolean expanded,
            KvFormat format,
            String settings,
            MlxThread thread,
            OpenParts parts) {
        Map<String, String> facts = new LinkedHashMap<>();
        facts.put("version", FORMAT + " " + Doctor.version());
        facts.put("model", ModelIdentity.ofWeights(folder));
        Path adapter = ModelSettings.absolute(builder.adapter);
        facts.put("adapter", adapter == null ? "none" : ModelIdentity.ofWeights(adapter));
        boolean pipeline = isPipeline(builder.cluster, config);
        facts.put("setting of types, KV cache, context or pipeline", type + " " + settings);
        ranks.agree(facts);
        MemoryBudget.SHARED.check(
                "a share of " + folder,
                ModelFolder.weightBytes(folder, config, type, expanded) / builder.cluster.size());
        ModelConfig text = TextPart.withoutTower(config);
        return thread.call(() -> pipeline
                ? parts.weightsOf(ModelLoader.loadStage(folder, text, type, expanded, adapter, format, ranks.stage()))
                : parts.weightsOf(ModelLoader.loadShare(folder, text, type, expanded, adapter, ranks.shard()))
                        .with(format));
    }

    /**
     * Refuses images, which no rank sees.
     *
     * @throws UnsupportedFeatureException if there are any
     */
    static void refuseImages(List<ChatMessage> messages) {
        if (!ChatImages.contents(messages).isEmpty()) {
            throw new UnsupportedFeatureException(
                    "images in messages are not supported by a model that is split over ranks");
        }
    }

    /** Whether this process may build the model, or serve it. */
    static void checkRank(MlxCluster cluster, boolean builds) {
        if (cluster == null && !builds) {
            throw new InvalidRequestException("distributed (null) must be set for a rank that serves");
        }
        if (cluster != null && (cluster.rank() == 0) != builds) {
            throw new InvalidRequestException("distributed (" + cluster
                    + ") must be rank 0 where the model is built; the other ranks call serve()");
        }
    }

    /** Follows rank 0 until it closes the model. */
    static void serve(
            MlxModel.Builder builder, LocatedModel located, KvFormat format, RopeScaling scaling, Integer length) {
        Path folder = located.folder();
        ContextLimit context = ContextLimit.of(ChatFolder.config(folder), scaling, length);
        check(builder, context.config());
        ModelConfig config = builder.seen(context.config());
        OpenParts parts = new OpenParts();
        try {
            MlxThread thread = parts.on(NativeParts.startThread("mlx-" + located.name()));
            DType type = NativeParts.type(builder.dtype, thread);
            boolean expanded = builder.quantizedWeights.expands(folder, config, type, thread);
            Ranks ranks = join(builder, config, thread, parts);
            String kept = format.key() + context.key() + kept(builder.cluster, config, expanded);
            ModelLoader.Loaded share =
                    load(ranks, builder, folder, config, type, expanded, format, kept, thread, parts);
            log.info("{} serves {}", builder.cluster, located.name());
            ranks.follow(share.model());
        } catch (Throwable e) {
            parts.closeAfter(e);
            throw e;
        }
        parts.close();
    }
}
