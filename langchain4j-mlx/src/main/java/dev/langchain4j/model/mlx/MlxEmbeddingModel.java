package dev.langchain4j.model.mlx;

import dev.langchain4j.data.embedding.Embedding;
import dev.langchain4j.data.message.ContentType;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.ModelNotFoundException;
import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.mlx.text.Tokenizer;
import dev.langchain4j.model.ModelProvider;
import dev.langchain4j.model.embedding.DimensionAwareEmbeddingModel;
import dev.langchain4j.model.embedding.listener.EmbeddingModelListener;
import dev.langchain4j.model.embedding.request.EmbeddingInput;
import dev.langchain4j.model.embedding.request.EmbeddingInputType;
import dev.langchain4j.model.embedding.request.EmbeddingParameter;
import dev.langchain4j.model.embedding.request.EmbeddingRequest;
import dev.langchain4j.model.embedding.request.EmbeddingRequestParameters;
import dev.langchain4j.model.embedding.response.EmbeddingResponse;
import dev.langchain4j.model.mlx.embed.TextEmbedder;
import dev.langchain4j.model.mlx.hub.HuggingFaceHub;
import dev.langchain4j.model.mlx.hub.LocatedModel;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.ModelFolder;
import dev.langchain4j.model.mlx.spi.MlxEmbeddingModelBuilderFactory;
import dev.langchain4j.model.output.TokenUsage;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Vectors of texts by a model inside this JVM: of BERT, RoBERTa, XLM-RoBERTa and DistilBERT folders, and of language
 * models that were trained for it, such as Qwen3-Embedding.
 *
 * <pre>{@code
 * EmbeddingModel model = MlxEmbeddingModel.builder().modelName("sentence-transformers/all-MiniLM-L6-v2").build();
 * }</pre>
 *
 * <p>The folder's configuration for sentence-transformers applies: the way of pooling and whether vectors have length
 * one (modules.json), the most tokens of a text, after which it is cut (sentence_bert_config.json), and the prompts of
 * queries and documents (config_sentence_transformers.json). Without it, an encoder uses mean pooling, and a language
 * model the last token with vectors of length one.
 *
 * <p>Supported parameters: {@code dimensions} cuts the vectors, which makes sense for models that were trained for it
 * (Matryoshka); {@code inputType} chooses the prompt, if there are prompts for queries or documents.
 *
 * <p>Thread-safe. Close it to free the weights; requests after that fail with a NonRetriableException.
 */
public class MlxEmbeddingModel extends DimensionAwareEmbeddingModel implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(MlxEmbeddingModel.class);

    private final Shared shared;

    /** Held by reference, so that copies of this object share it. */
    private static final class Shared {
        private String name;
        private final OpenParts parts = new OpenParts();
        private MlxThread thread;
        private TextEmbedder embedder;
        private List<EmbeddingModelListener> listeners;
        private String queryPrompt;
        private String documentPrompt;
    }

    private MlxEmbeddingModel(Builder builder) {
        LocatedModel located = ModelSettings.locate(builder.modelPath, builder.modelName, builder.hub);
        Shared s = new Shared();
        s.name = located.name();
        s.listeners = builder.listeners;
        ModelConfig config = ModelFolder.configWithWeights(located.folder());
        try {
            Tokenizer tokenizer = s.parts.add(NativeParts.loadTokenizer(located.folder()));
            s.thread = s.parts.on(NativeParts.startThread("mlx-" + s.name));
            DType type = NativeParts.type(builder.dtype, s.thread);
            boolean expanded = builder.quantizedWeights.expands(located.folder(), config, type, s.thread);
            MemoryBudget.SHARED.check(s.name, ModelFolder.weightBytes(located.folder(), config, type, expanded));
            s.embedder = s.parts.add(new TextEmbedder(
                    located.folder(),
                    new TextEmbedder.Wishes(type, expanded, builder.maxLength, builder.normalize, builder.batchSize),
                    s.thread,
                    tokenizer));
            NativeParts.logLoaded(
                    log,
                    s.name,
                    QuantizedWeights.describe(s.embedder.modelType(), type, expanded),
                    s.thread,
                    s.embedder.weightBytes(),
                    "vectors of " + s.embedder.dimension() + " numbers, texts up to " + s.embedder.tokensMax()
                            + " tokens");
        } catch (Throwable e) {
            s.parts.closeAfter(e);
            throw e;
        }
        s.queryPrompt = builder.queryPrompt != null ? builder.queryPrompt : s.embedder.prompt("query");
        s.documentPrompt = builder.documentPrompt != null
                ? builder.documentPrompt
                : s.embedder.prompt("document", "passage", "corpus");
        shared = s;
    }

    /** A model with settings. */
    public static Builder builder() {
        return BuilderFactories.first(MlxEmbeddingModelBuilderFactory.class, Builder::new);
    }

    @Override
    public EmbeddingResponse doEmbed(EmbeddingRequest request) {
        EmbeddingRequestParameters parameters = request.parameters();
        ModelSettings.sameModel(parameters.modelName(), shared.name);
        int dimensions = dimensions(parameters.dimensions());
        String prompt = prompt(parameters.inputType());
        List<String> texts = request.inputs().stream().map(EmbeddingInput::text).toList();
        TextEmbedder.Result result =
                NativeParts.compute(shared.name, shared.thread, () -> shared.embedder.embed(texts, prompt, dimensions));
        return EmbeddingResponse.builder()
                .embeddings(result.vectors().stream().map(Embedding::from).toList())
                .modelName(shared.name)
                .tokenUsage(new TokenUsage(result.tokens(), null))
                .build();
    }

    /**
     * Computes vectors without blocking the caller, with LangChain4j 1.20 and later. Cancelling the future ends it
     * after the current batch.
     */
    @Override
    public CompletableFuture<EmbeddingResponse> doEmbedAsync(EmbeddingRequest request) {
        return Futures.call("mlx-embed", () -> doEmbed(request));
    }

    private int dimensions(Integer wanted) {
        int all = shared.embedder.dimension();
        if (wanted == null) {
            return all;
        }
        if (wanted < 1 || wanted > all) {
            throw new InvalidRequestException("dimensions (" + wanted + ") must be from 1 to " + all);
        }
        return wanted;
    }

    private String prompt(EmbeddingInputType type) {
        if (type == null) {
            return shared.embedder.defaultPrompt();
        }
        String prompt = type == EmbeddingInputType.QUERY ? shared.queryPrompt : shared.documentPrompt;
        return prompt == null ? "" : prompt;
    }

    @Override
    public Set<EmbeddingParameter<?>> supportedParameters() {
        boolean prompts = shared.queryPrompt != null || shared.documentPrompt != null;
        return prompts
                ? Set.of(
                        EmbeddingRequestParameters.MODEL_NAME,
                        EmbeddingRequestParameters.DIMENSIONS,
                        EmbeddingRequestParameters.INPUT_TYPE)
                : Set.of(EmbeddingRequestParameters.MODEL_NAME, EmbeddingRequestParameters.DIMENSIONS);
    }

    @Override
    public Set<ContentType> supportedContentTypes() {
        return Set.of(ContentType.TEXT);
    }

    @Override
    public List<EmbeddingModelListener> listeners() {
        return shared.listeners;
    }

    @Override
    public ModelProvider provider() {
        return ModelProvider.OTHER;
    }

    @Override
    public String modelName() {
        return shared.name;
    }

    @Override
    protected Integer knownDimension() {
        return shared.embedder.dimension();
    }

    MlxThread thread() {
        return shared.thread;
    }

    /** Bytes of the weights in memory. */
    public long weightBytes() {
        return shared.embedder.weightBytes();
    }

    /**
     * Lets running requests finish their batch, then frees everything, ends the thread and returns memory to the
     * system. An interrupt does not end the wait. Idempotent.
     */
    @Override
    public void close() {
        shared.parts.close();
    }

    /** Settings of an embedding model. */
    public static class Builder {
        private Path modelPath;
        private String modelName;
        private HuggingFaceHub hub;
        private DType dtype;
        private QuantizedWeights quantizedWeights = QuantizedWeights.AUTO;
        private Integer maxLength;
        private Boolean normalize;
        private Integer batchSize;
        private String queryPrompt;
        private String documentPrompt;
        private List<EmbeddingModelListener> listeners = List.of();

        /** Made by {@link #builder()}, or by a subclass of a framework. */
        protected Builder() {}

        /** Folder of the model. Either this or {@link #modelName} must be set. */
        public Builder modelPath(Path folder) {
            this.modelPath = folder;
            return this;
        }

        /** Like {@link #modelPath(Path)}. */
        public Builder modelPath(String folder) {
            return modelPath(folder == null ? null : Path.of(folder));
        }

        /** Folder of the model if it exists, else a Hugging Face repository id; see {@link MlxModel#load(String)}. */
        public Builder modelName(String folderOrRepositoryId) {
            this.modelName = folderOrRepositoryId;
            return this;
        }

        /** How {@link #modelName} is found and downloaded. Default: as huggingface_hub's environment variables say. */
        public Builder hub(HuggingFaceHub huggingFaceHub) {
            this.hub = huggingFaceHub;
            return this;
        }

        /**
         * Floating type of weights and computation. Default: what the files have on a GPU, single precision on the CPU.
         */
        public Builder dtype(DType type) {
            this.dtype = type;
            return this;
        }

        /** The handling of quantized weights. Default: {@link QuantizedWeights#AUTO}. */
        public Builder quantizedWeights(QuantizedWeights weights) {
            this.quantizedWeights = weights == null ? QuantizedWeights.AUTO : weights;
            return this;
        }

        /**
         * Maximum tokens of a text, including special ones; longer texts are cut at the end. Default: as the folder
         * says.
         */
        public Builder maxLength(Integer tokens) {
            this.maxLength = tokens;
            return this;
        }

        /** Whether vectors have length one. Default: as the folder says. */
        public Builder normalize(Boolean lengthOne) {
            this.normalize = lengthOne;
            return this;
        }

        /**
         * Maximum number of texts that are computed at once, at least 1. Default: 128, as long as their tokens are no
         * more than 16,384 on a GPU, and than what the cache of a core holds on the CPU.
         */
        public Builder maxSegmentsPerBatch(Integer texts) {
            this.batchSize = texts;
            return this;
        }

        /**
         * Maximum number of texts that are computed at once.
         *
         * @deprecated called {@link #maxSegmentsPerBatch}, as in LangChain4j's own modules
         */
        @Deprecated
        public Builder batchSize(Integer texts) {
            return maxSegmentsPerBatch(texts);
        }

        /** The prompt before texts of the input type QUERY. Default: the folder's prompt {@code query}. */
        public Builder queryPrompt(String prompt) {
            this.queryPrompt = prompt;
            return this;
        }

        /**
         * The prompt before texts of the input type DOCUMENT. Default: the folder's prompt {@code document} or
         * {@code passage}.
         */
        public Builder documentPrompt(String prompt) {
            this.documentPrompt = prompt;
            return this;
        }

        /** Listeners for each request, its response or its failure. */
        public Builder listeners(List<EmbeddingModelListener> embeddingListeners) {
            this.listeners = embeddingListeners == null ? List.of() : List.copyOf(embeddingListeners);
            return this;
        }

        /** Like {@link #listeners(List)}. */
        public Builder listeners(EmbeddingModelListener... embeddingListeners) {
            return listeners(Arrays.asList(embeddingListeners));
        }

        /**
         * Loads the model.
         *
         * @throws ModelNotFoundException if there is no such model, a file of it is missing, or the native library is
         * @throws InvalidRequestException if a setting or what the folder has is not valid
         * @throws UnsupportedFeatureException if the folder has a module that is not supported
         */
        public MlxEmbeddingModel build() {
            ModelSettings.onlyOne("modelPath", modelPath, "modelName", modelName);
            ModelSettings.atLeastOne("maxSegmentsPerBatch", batchSize);
            ModelSettings.atLeastOne("maxLength", maxLength);
            return new MlxEmbeddingModel(this);
        }
    }
}
