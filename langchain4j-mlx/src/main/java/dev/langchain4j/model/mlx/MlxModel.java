package dev.langchain4j.model.mlx;

import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.ModelNotFoundException;
import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.mlx.text.Tokenizer;
import dev.langchain4j.model.mlx.arch.ModelLoader;
import dev.langchain4j.model.mlx.cache.CacheKey;
import dev.langchain4j.model.mlx.cache.ConversationListener;
import dev.langchain4j.model.mlx.cache.PromptCache;
import dev.langchain4j.model.mlx.generate.Engine;
import dev.langchain4j.model.mlx.generate.EngineLimits;
import dev.langchain4j.model.mlx.generate.FeatureCache;
import dev.langchain4j.model.mlx.generate.PrefillChunks;
import dev.langchain4j.model.mlx.generate.Sampling;
import dev.langchain4j.model.mlx.grammar.GrammarCache;
import dev.langchain4j.model.mlx.hub.HuggingFaceHub;
import dev.langchain4j.model.mlx.hub.LocatedModel;
import dev.langchain4j.model.mlx.kv.KvFormat;
import dev.langchain4j.model.mlx.model.LanguageModel;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.parse.ToolSchemas;
import dev.langchain4j.model.mlx.prompt.ChatTemplate;
import dev.langchain4j.model.mlx.prompt.PerToolList;
import dev.langchain4j.model.mlx.prompt.PromptLedger;
import dev.langchain4j.model.mlx.prompt.PromptWriter;
import dev.langchain4j.model.mlx.ranks.RankStats;
import dev.langchain4j.model.mlx.ranks.Ranks;
import dev.langchain4j.model.mlx.vision.ImageProcessor;
import dev.langchain4j.model.mlx.vision.ImageProcessors;
import dev.langchain4j.model.mlx.vision.PromptPictures.Picture;
import java.nio.file.Path;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A loaded model: weights, tokenizer, chat template, and the thread that computes. Load it once and share it: any
 * number of chat models may be built over it, and any number of threads may use those; see
 * {@link Builder#maxConcurrent}.
 *
 * <pre>{@code
 * MlxModel mlx = MlxModel.load("mlx-community/Qwen3-4B-4bit");
 * ChatModel chat = MlxChatModel.builder().model(mlx).build();
 * }</pre>
 *
 * <p>Each load is a separate model with its own prompt cache. Chat and scoring models that are built with a name or a
 * path share theirs.
 *
 * <p>Thread-safe. Close it to free the weights; requests after that fail with a NonRetriableException.
 */
public final class MlxModel implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(MlxModel.class);

    private final String name;
    private final MlxThread thread;
    private final Tokenizer tokenizer;
    private final ChatTemplate template;
    private final PromptWriter prompts;
    private final PerToolList<OfferedTools> offeredTools = new PerToolList<>(OfferedTools::new);
    private final PromptNormalizer promptNormalizer;
    private final GenerationDefaults defaults;
    private final ModelLoader.Loaded loaded;
    /** Null if this process has all of the model. */
    private final Ranks ranks;

    private final ModelCache cache;
    private final Engine engine;
    private final GrammarCache grammars;
    /** Null if it is switched off. */
    private final ComputeAhead ahead;

    /** Null if the model does not see, as the next one. */
    private final ChatImages images;

    private final FeatureCache features;
    private final RejectedCalls rejectedCalls;
    private final long weightBytes;
    private final String modelType;
    private final boolean expanded;
    private final OpenParts parts = new OpenParts();

    private MlxModel(Builder builder) {
        LocatedModel located = ModelSettings.locate(builder.path, builder.modelName, builder.hub);
        Path folder = located.folder();
        name = builder.name != null ? builder.name : located.name();
        ContextLimit context = ContextLimit.of(ChatFolder.config(folder), builder.ropeScaling, builder.contextLength);
        try {
            Tokenizer openTokenizer = parts.add(NativeParts.loadTokenizer(folder));
            // What can fail comes before the weights, which are the last to be loaded and the first to be freed.
            template = ChatTemplate.load(folder, builder.chatTemplate, token -> openTokenizer
                    .id(token)
                    .isPresent());
            defaults = GenerationDefaults.load(folder, context.config(), openTokenizer);
            ModelConfig config = builder.seen(context.config());
            ImageProcessor processor = ImageProcessors.of(folder, config).orElse(null);
            prompts = new PromptWriter(template, openTokenizer, defaults.endTokens(), new PromptLedger(), processor);
            promptNormalizer = builder.promptNormalizer;
            Path draftFolder = DraftParts.checked(builder.draftFolder(builder.limits), folder, openTokenizer);
            MlxThread owner = parts.on(NativeParts.startThread("mlx-" + name));
            DType type = NativeParts.type(builder.dtype, owner);
            int chunk = ModelSettings.chunkTokens(builder.prefillChunkTokens);
            Path adapter = ModelSettings.absolute(builder.adapter);
            KvFormat format = builder.kvFormat;
            expanded = builder.quantizedWeights.expands(folder, config, type, owner);
            boolean head = builder.limits.speculation() && draftFolder == null;
            String kept = format.key() + context.key() + RankParts.kept(builder.cluster, config, expanded);
            ranks = builder.cluster == null ? null : RankParts.join(builder, config, owner, parts);
            ModelLoader.Loaded own;
            if (ranks != null) {
                own = RankParts.load(ranks, builder, folder, config, type, expanded, format, kept, owner, parts);
            } else {
                MlxModelEstimate.check(name, folder, context, type, expanded, format, owner);
                own = owner.call(() -> parts.weightsOf(ModelLoader.load(folder, config, type, expanded, adapter, head))
                        .with(format));
            }
            DraftParts drafts = DraftParts.load(draftFolder, own, format, type, owner, parts);
            // The last of what takes long: from here on the other ranks expect a step in time.
            ModelLoader.Loaded read = ranks == null ? own : own.with(ranks.lead(own.model(), this::lose));
            CacheKey key = ModelSettings.cacheKey(folder, adapter, drafts.key(), type, kept);
            grammars = parts.add(new GrammarCache(() -> openTokenizer.grammarCompiler(
                    read.model().vocabularySize(),
                    defaults.endTokens(read.model().vocabularySize()))));
            int grid = builder.exactReuse ? chunk : 0;
            ComputeAhead computeAhead = parts.add(new ComputeAhead());
            ahead = builder.computeAhead ? computeAhead : null;
            images = read.tower() == null || processor == null ? null : builder.chatImages(processor);
            ConversationListener listener = images == null ? computeAhead : computeAhead.andThen(images);
            cache = parts.add(
                    new ModelCache(builder.cacheLimits(), owner, prompts, listener, grid, builder.disk(), key));
            features = images == null ? null : parts.add(cache.features(read.tower()));
            engine = new Engine(
                    owner,
                    read.model(),
                    drafts.model(),
                    openTokenizer,
                    cache.trie(),
                    key,
                    defaults.endTokens(),
                    context.tokens(),
                    chunk,
                    builder.limits);
            engine.see(features);
            PrefillChunks chunks = ModelSettings.chunks(chunk, context.config(), format, type, owner);
            engine.bound(chunks, MemoryBudget.SHARED::admit);
            cache.checkAgainst(engine, owner);
            rejectedCalls = new RejectedCalls(name);
            weightBytes = drafts.weightBytes() + owner.call(() -> read.weights().bytes());
            modelType = context.config().modelType();
            loaded = read;
            thread = owner;
            tokenizer = openTokenizer;
            NativeParts.logLoaded(
                    log,
                    name,
                    QuantizedWeights.describe(modelType, type, expanded),
                    owner,
                    weightBytes,
                    "prompt cache up to %d MiB, context %d tokens"
                            .formatted(NativeParts.mebibytes(cache.bytesMax()), context.tokens()));
        } catch (Throwable e) {
            parts.closeAfter(e);
            throw e;
        }
    }

    /**
     * Loads a model with default settings.
     *
     * @param name path of a folder with config.json, tokenizer.json and safetensors, as mlx-community and
     *     {@code mlx_lm.convert} have them; or else a Hugging Face repository id, {@code owner/name} or
     *     {@code owner/name@revision}, which is downloaded if it is not in the cache ({@link HuggingFaceHub})
     * @throws ModelNotFoundException if there is no such model, or a file of it is missing
     * @throws InvalidRequestException if the model folder is inconsistent or not supported
     * @throws dev.langchain4j.exception.LangChain4jException if the hub refuses or fails, as
     *     {@link HuggingFaceHub#locate} says
     */
    public static MlxModel load(String name) {
        return builder().modelName(name).build();
    }

    /** Loads a model folder with default settings. */
    public static MlxModel load(Path folder) {
        return builder().modelPath(folder).build();
    }

    /**
     * The models that the Hugging Face cache holds, by name, those that are broken or not supported included: with what
     * they are, what they take, and whether they fit into this machine's memory. Only settings and headers are read.
     *
     * @throws ModelNotFoundException if there is no native library
     */
    public static List<MlxCachedModel> list() {
        return list(HuggingFaceHub.fromEnvironment());
    }

    /** As {@link #list()}, of the cache of a hub. */
    public static List<MlxCachedModel> list(HuggingFaceHub hub) {
        NativeParts.loadLibraries();
        return hub.cached().stream().map(MlxCachedModel::of).toList();
    }

    /** Loads a model with settings. */
    public static Builder builder() {
        return new Builder();
    }

    /** The model's name: the repository id or the folder's, unless the builder gave another. */
    public String name() {
        return name;
    }

    /** Whether messages may have images: the folder has a vision tower that is supported and was loaded. */
    public boolean seesImages() {
        return images != null;
    }

    /** Maximum number of tokens of prompt and answer together. */
    public int contextLength() {
        return engine.contextLength();
    }

    /** Bytes of the weights in memory, those of a draft model included. */
    public long weightBytes() {
        return weightBytes;
    }

    /** Whether the weights were quantized and are held in single precision; see {@link Builder#quantizedWeights}. */
    public boolean weightsExpanded() {
        return expanded;
    }

    /** Counts tokens as this model does: of texts, and of messages as its chat template renders them. Thread-safe. */
    public MlxTokenCountEstimator tokenCountEstimator() {
        return MlxTokenCountEstimator.of(this, template.format(false, ToolSchemas.none()));
    }

    /** The prompt cache of this model: statistics, eviction, forks. */
    public PromptCache promptCache() {
        return cache.access();
    }

    /**
     * Prefills the common prefix of all conversations with this system message and these tools, up to the first user
     * message, and keeps it in the prompt cache. The first request of each conversation then prefills only its own
     * message. Call it at startup. The messages pass through this model's {@link Builder#promptNormalizer}, and the
     * chat template's defaults apply: as {@link #warm(String, List, MlxChatRequestParameters)} without parameters.
     * Waits until it is done.
     *
     * @param systemMessage the system message as the AI service sends it; null for none
     * @param tools the tools in the order in which the AI service offers them
     * @return how many tokens are held; 0 if the cache is switched off
     * @throws InvalidRequestException if the chat template refuses them, or they do not fit into the context
     */
    public int warm(String systemMessage, List<ToolSpecification> tools) {
        return warm(systemMessage, tools, MlxChatRequestParameters.EMPTY);
    }

    /**
     * Like {@link #warm(String, List)}, for requests with these parameters: some chat templates write
     * {@link MlxChatRequestParameters#templateArguments()}, or whether and how much to reason, before the first user
     * message. So these, {@link MlxChatRequestParameters#think()}, {@link MlxChatRequestParameters#reasoningEffort()},
     * {@link MlxChatRequestParameters#maxReasoningTokens()} and {@link MlxChatRequestParameters#allowControlTokens()}
     * count; other parameters are ignored.
     */
    public int warm(String systemMessage, List<ToolSpecification> tools, MlxChatRequestParameters parameters) {
        return new PromptWarmer(this, parameters).warm(systemMessage, tools);
    }

    PromptNormalizer promptNormalizer() {
        return promptNormalizer;
    }

    Engine engine() {
        return engine;
    }

    MlxThread thread() {
        return thread;
    }

    LanguageModel languageModel() {
        return loaded.model();
    }

    Tokenizer tokenizer() {
        return tokenizer;
    }

    /** The model_type of its config.json. */
    String modelType() {
        return modelType;
    }

    ChatTemplate template() {
        return template;
    }

    PromptWriter prompts() {
        return prompts;
    }

    /** What was made of the tools that requests offer. */
    PerToolList<OfferedTools> offeredTools() {
        return offeredTools;
    }

    /** Compiled grammars of answers. */
    GrammarCache grammars() {
        return grammars;
    }

    /** Null if nothing is computed ahead. */
    ComputeAhead ahead() {
        return ahead;
    }

    /** The images of messages, ready for the model; none where it does not see, which is for others to say. */
    List<Picture> pictures(List<ChatMessage> messages) {
        if (ranks != null) {
            RankParts.refuseImages(messages);
        }
        return images == null ? List.of() : images.of(messages);
    }

    /** What the ranks of this model have done; null if this process has all of it. */
    RankStats rankStats() {
        return ranks == null ? null : ranks.stats();
    }

    /** What is kept of images; null if the model does not see. */
    FeatureCache features() {
        return features;
    }

    RejectedCalls rejectedCalls() {
        return rejectedCalls;
    }

    Sampling samplingDefaults() {
        return defaults.sampling();
    }

    /** Whether the model was closed, and takes no requests any more. */
    public boolean isClosed() {
        return engine.isClosed();
    }

    /** The thread was given up, for the ranks of this model cannot go on; perhaps before there is an engine. */
    private void lose(RuntimeException cause) {
        log.error("{} is lost, and its memory until this process ends", name, cause);
        if (engine != null) {
            engine.abandon(cause);
        }
    }

    /**
     * Refuses new requests, lets running and waiting ones end within the {@link Builder#gracePeriod}, then frees
     * everything, ends the thread and returns memory to the system. An interrupt does not end the wait. On the model's
     * own thread it returns at once, and the model closes afterwards. Idempotent.
     */
    @Override
    public void close() {
        engine.close();
        parts.close();
    }

    /** Settings of a model. */
    public static final class Builder extends MlxCacheSettings<Builder> {
        private String name;
        private Integer contextLength;
        private RopeScaling ropeScaling;
        private Integer prefillChunkTokens;
        private boolean computeAhead = true;
        private PromptNormalizer promptNormalizer = PromptNormalizer.none();
        private String chatTemplate;
        private KvFormat kvFormat;
        private EngineLimits limits;

        private Builder() {}

        @Override
        Builder self() {
            return this;
        }

        /** Name that answers and listeners show. Default: the repository id, or the folder's name. */
        public Builder name(String shownName) {
            this.name = shownName;
            return this;
        }

        /**
         * Maximum tokens of prompt and answer together. Default: the model's max_position_embeddings, extended by its
         * yarn scaling; more needs {@link #ropeScaling}. If this is at most the original training context of a model
         * with longrope (Phi), its original factors are used, which is better for short prompts.
         */
        public Builder contextLength(Integer tokens) {
            this.contextLength = tokens;
            return this;
        }

        /**
         * Scales rotary positions, so that the model accepts more tokens than config.json says, up to factor times
         * original context. Answers get worse, without any error, if the model was not trained for it; this includes
         * short prompts. Default: as in config.json. A folder with another kind of scaling is refused.
         */
        public Builder ropeScaling(RopeScaling scaling) {
            this.ropeScaling = scaling;
            return this;
        }

        /** Tokens that are prefilled at once: more is faster and takes more memory. Default: 512 to 2048, by device. */
        public Builder prefillChunkTokens(Integer tokens) {
            this.prefillChunkTokens = tokens;
            return this;
        }

        /**
         * Whether the certain prefix of a conversation's next prompt is computed after an answer, while no request runs
         * or waits. It helps if the chat template rewrites the last turn, for example by dropping reasoning from older
         * answers: the next message then prefills only its own tokens. The next request ends it after the current step,
         * and nothing is evicted for it. It costs the energy of prefilling an answer again, without its reasoning.
         * Default: true.
         */
        public Builder computeAhead(boolean ahead) {
            this.computeAhead = ahead;
            return this;
        }

        /**
         * Jinja source of the chat template. Default: the folder's, else that of the family whose control tokens it
         * has.
         */
        public Builder chatTemplate(String source) {
            this.chatTemplate = source;
            return this;
        }

        /** Rewrites messages before they are rendered, for all chat models of this model. Default: none. */
        public Builder promptNormalizer(PromptNormalizer normalizer) {
            this.promptNormalizer = normalizer == null ? PromptNormalizer.none() : normalizer;
            return this;
        }

        /**
         * The memory that the model would take with these settings, and that of the machine. An adapter is not counted.
         * Only the files' headers are read; a model that is not in the cache is downloaded.
         *
         * @throws ModelNotFoundException if the folder, a file in it, or the native library is missing
         * @throws InvalidRequestException if a setting or what the folder has is not valid
         */
        public MlxModelEstimate estimate() {
            kvFormat = checked();
            LocatedModel located = ModelSettings.locate(path, modelName, hub);
            return MlxModelEstimate.of(located, name, ropeScaling, contextLength, dtype, kvFormat);
        }

        private KvFormat checked() {
            ModelSettings.onlyOne("modelPath", path, "modelName", modelName);
            ModelSettings.atLeastOne("contextLength", contextLength);
            ModelSettings.atLeastOne("prefillChunkTokens", prefillChunkTokens);
            return kvFormat();
        }

        /**
         * Loads the model.
         *
         * @throws ModelNotFoundException if the folder, a file in it, or the native library is missing
         * @throws InvalidRequestException if a setting or what the folder has is not valid
         */
        public MlxModel build() {
            kvFormat = checked();
            imageLimits();
            limits = engineLimits();
            RankParts.checkRank(cluster, true);
            return new MlxModel(this);
        }

        /**
         * Serves as a rank other than 0 of {@link #distributed}: loads a share of the model, and computes with it what
         * rank 0 asks for, until that closes the model; then returns. It needs no tokenizer and no chat template. When
         * it throws because a rank was lost, its share stays in memory until the process ends; it may be called again
         * where both fit.
         *
         * @throws ModelNotFoundException as {@link #build}
         * @throws InvalidRequestException as {@link #build}, and if the ranks have different models or settings
         * @throws dev.langchain4j.exception.InternalServerException if another rank is gone or does not answer
         */
        public void serve() {
            kvFormat = checked();
            RankParts.checkRank(cluster, false);
            RankParts.serve(this, ModelSettings.locate(path, modelName, hub), kvFormat, ropeScaling, contextLength);
        }
    }
}
