package dev.langchain4j.model.mlx;

import dev.langchain4j.data.segment.TextSegment;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.model.mlx.embed.PairScorer;
import dev.langchain4j.model.mlx.hub.HuggingFaceHub;
import dev.langchain4j.model.mlx.spi.MlxScoringModelBuilderFactory;
import dev.langchain4j.model.output.Response;
import dev.langchain4j.model.output.TokenUsage;
import dev.langchain4j.model.scoring.ScoringModel;
import dev.langchain4j.model.scoring.request.ScoringRequest;
import dev.langchain4j.model.scoring.response.ScoringResponse;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * Scores how well texts answer a query, from 0 to 1, with a language model that was trained to answer yes or no: the
 * folders of Qwen3-Reranker. For LangChain4j's re-ranking content aggregator.
 *
 * <pre>{@code
 * ScoringModel model = MlxScoringModel.builder().modelName("mlx-community/Qwen3-Reranker-0.6B-4bit").build();
 * }</pre>
 *
 * <p>The prompt is that of the models' card: a system message that asks for yes or no, then instruction, query and
 * document, then an empty reasoning. The score is the probability of yes among both. The common prefix of the prompts
 * of one call is computed once. A document whose prompt is too long is cut at the end. The scores of a model that is
 * not a reranker are meaningless; a warning is logged if its name does not contain reranker, or if it answers something
 * else than yes or no.
 *
 * <p>With LangChain4j 1.20 and later scores come as a future, too ({@code scoreAsync}); cancelling it ends it after the
 * chunk of a prompt that is computed.
 *
 * <p>Thread-safe. Closing it closes a model that it loaded itself, not one that it was given.
 */
public class MlxScoringModel implements ScoringModel, AutoCloseable {
    private final SharedModels.Share share;
    private final PairScorer scorer;

    MlxScoringModel(Builder builder) {
        share = ModelSettings.share(builder.model, builder.modelName, builder.modelPath, builder.hub);
        try {
            MlxModel model = share.model();
            int tokensMax =
                    builder.maxLength != null ? builder.maxLength : Math.min(Builder.MAX_LENGTH, model.contextLength());
            if (tokensMax > model.contextLength()) {
                throw new InvalidRequestException("maxLength (" + tokensMax
                        + ") must not exceed the context of this model (" + model.contextLength() + ")");
            }
            scorer = new PairScorer(
                    model.thread(),
                    model.languageModel(),
                    model.tokenizer(),
                    builder.instruction,
                    tokensMax,
                    Builder.CHUNK_TOKENS);
            PairScorer.warnUnlessNamedSo(model.name());
        } catch (Throwable e) {
            share.close();
            throw e;
        }
    }

    /** A model with settings. */
    public static Builder builder() {
        return BuilderFactories.first(MlxScoringModelBuilderFactory.class, Builder::new);
    }

    /**
     * Scores segments.
     *
     * @throws InvalidRequestException if the query is blank
     * @throws dev.langchain4j.exception.NonRetriableException if the model is closed, or this is its own thread
     */
    @Override
    public Response<List<Double>> scoreAll(List<TextSegment> segments, String query) {
        return scores(segments.stream().map(TextSegment::text).toList(), query);
    }

    final Response<List<Double>> scores(List<String> documents, String query) {
        if (query == null || query.isBlank()) {
            throw new InvalidRequestException("query (" + query + ") must not be blank");
        }
        MlxModel model = share.model();
        PairScorer.Result result =
                NativeParts.compute(model.name(), model.thread(), () -> scorer.score(query, documents));
        return Response.from(result.scores(), new TokenUsage(result.tokens(), null));
    }

    /**
     * A scoring model whose scores also come as a future. A class of its own, loaded with LangChain4j 1.20 and later
     * only: earlier versions lack the types in its methods, and frameworks fail to list methods whose types are
     * missing.
     */
    private static final class Async extends MlxScoringModel {
        Async(Builder builder) {
            super(builder);
        }

        @Override
        public CompletableFuture<ScoringResponse> doScoreAsync(ScoringRequest request) {
            return Futures.call("mlx-score", () -> score(request));
        }

        private ScoringResponse score(ScoringRequest request) {
            String name = model().name();
            ModelSettings.sameModel(request.modelName(), name);
            Response<List<Double>> scores = scores(request.documents(), request.query());
            return ScoringResponse.builder()
                    .scores(scores.content())
                    .modelName(name)
                    .tokenUsage(scores.tokenUsage())
                    .build();
        }
    }

    /** The model that this one runs on. */
    MlxModel model() {
        return share.model();
    }

    /** Releases the model if it was loaded by name or path; its last user frees it. Idempotent. */
    @Override
    public void close() {
        share.close();
    }

    /** Settings of a scoring model. */
    public static class Builder {
        private static final int MAX_LENGTH = 8192;
        private static final int CHUNK_TOKENS = 512;
        private static final String INSTRUCTION =
                "Given a web search query, retrieve relevant passages that answer the query";

        private MlxModel model;
        private Path modelPath;
        private String modelName;
        private HuggingFaceHub hub;
        private String instruction = INSTRUCTION;
        private Integer maxLength;

        /** Made by {@link #builder()}, or by a subclass of a framework. */
        protected Builder() {}

        /** The loaded model to run on. One of this, {@link #modelName} and {@link #modelPath} must be set. */
        public Builder model(MlxModel loaded) {
            this.model = loaded;
            return this;
        }

        /** Folder or Hugging Face repository id of a model that is loaded as {@link #modelPath} says. */
        public Builder modelName(String folderOrRepositoryId) {
            this.modelName = folderOrRepositoryId;
            return this;
        }

        /** Folder of a model that is loaded, and shared as {@link MlxChatBuilder#modelPath(Path)} says. */
        public Builder modelPath(Path folder) {
            this.modelPath = folder;
            return this;
        }

        /** Like {@link #modelPath(Path)}. */
        public Builder modelPath(String folder) {
            return modelPath(folder == null ? null : Path.of(folder));
        }

        /** How {@link #modelName} is found and downloaded. Default: as huggingface_hub's environment variables say. */
        public Builder hub(HuggingFaceHub huggingFaceHub) {
            this.hub = huggingFaceHub;
            return this;
        }

        /** The relevance criterion. Default: that it answers a web search query, as on the models' card. */
        public Builder instruction(String task) {
            this.instruction = task == null ? INSTRUCTION : task;
            return this;
        }

        /** Maximum tokens of a prompt. Default: 8192, or the model's context if that is less. */
        public Builder maxLength(Integer tokens) {
            this.maxLength = tokens;
            return this;
        }

        /** Whether the LangChain4j that is there knows of scores as a future. */
        private static boolean hasAsync() {
            try {
                ScoringModel.class.getMethod("doScoreAsync", ScoringRequest.class);
                return true;
            } catch (NoSuchMethodException | NoClassDefFoundError e) {
                return false;
            }
        }

        /**
         * Loads what is to be loaded.
         *
         * @throws InvalidRequestException if a setting is not valid, or the model has no tokens for yes and no
         * @throws dev.langchain4j.exception.ModelNotFoundException if there is no such model
         */
        public MlxScoringModel build() {
            ModelSettings.atLeastOne("maxLength", maxLength);
            return hasAsync() ? new Async(this) : new MlxScoringModel(this);
        }
    }
}
